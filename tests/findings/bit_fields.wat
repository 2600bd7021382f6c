;; Fields of words, written one after the other, as clang 19 writes them at -O0:
;; #include <stdint.h>
;; struct can { uint8_t a:3, b:5; uint16_t c:9, d:7; int32_t e:12, f:20; } c;
;; int can_set(int x, int y) {
;;   c.a = x; c.b = y; c.c = x + y; c.d = x - y; c.e = x ^ y; c.f = x * 3;
;;   return c.e + c.f + c.c + c.d;
;; }
(module
  (type (;0;) (func (param i32 i32) (result i32)))
  (func (;0;) (type 0) (param i32 i32) (result i32)
    (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    global.get 0
    local.set 2
    i32.const 16
    local.set 3
    local.get 2
    local.get 3
    i32.sub
    local.set 4
    local.get 4
    local.get 0
    i32.store offset=12
    local.get 4
    local.get 1
    i32.store offset=8
    local.get 4
    i32.load offset=12
    local.set 5
    i32.const 255
    local.set 6
    local.get 5
    local.get 6
    i32.and
    local.set 7
    i32.const 0
    local.set 8
    local.get 8
    i32.load offset=1024
    local.set 9
    i32.const 7
    local.set 10
    local.get 7
    local.get 10
    i32.and
    local.set 11
    i32.const -8
    local.set 12
    local.get 9
    local.get 12
    i32.and
    local.set 13
    local.get 13
    local.get 11
    i32.or
    local.set 14
    i32.const 0
    local.set 15
    local.get 15
    local.get 14
    i32.store offset=1024
    local.get 4
    i32.load offset=8
    local.set 16
    i32.const 255
    local.set 17
    local.get 16
    local.get 17
    i32.and
    local.set 18
    i32.const 0
    local.set 19
    local.get 19
    i32.load offset=1024
    local.set 20
    i32.const 31
    local.set 21
    local.get 18
    local.get 21
    i32.and
    local.set 22
    i32.const 3
    local.set 23
    local.get 22
    local.get 23
    i32.shl
    local.set 24
    i32.const -249
    local.set 25
    local.get 20
    local.get 25
    i32.and
    local.set 26
    local.get 26
    local.get 24
    i32.or
    local.set 27
    i32.const 0
    local.set 28
    local.get 28
    local.get 27
    i32.store offset=1024
    local.get 4
    i32.load offset=12
    local.set 29
    local.get 4
    i32.load offset=8
    local.set 30
    local.get 29
    local.get 30
    i32.add
    local.set 31
    i32.const 65535
    local.set 32
    local.get 31
    local.get 32
    i32.and
    local.set 33
    i32.const 0
    local.set 34
    local.get 34
    i32.load offset=1024
    local.set 35
    i32.const 511
    local.set 36
    local.get 33
    local.get 36
    i32.and
    local.set 37
    i32.const 16
    local.set 38
    local.get 37
    local.get 38
    i32.shl
    local.set 39
    i32.const -33488897
    local.set 40
    local.get 35
    local.get 40
    i32.and
    local.set 41
    local.get 41
    local.get 39
    i32.or
    local.set 42
    i32.const 0
    local.set 43
    local.get 43
    local.get 42
    i32.store offset=1024
    local.get 4
    i32.load offset=12
    local.set 44
    local.get 4
    i32.load offset=8
    local.set 45
    local.get 44
    local.get 45
    i32.sub
    local.set 46
    i32.const 65535
    local.set 47
    local.get 46
    local.get 47
    i32.and
    local.set 48
    i32.const 0
    local.set 49
    local.get 49
    i32.load offset=1024
    local.set 50
    i32.const 127
    local.set 51
    local.get 48
    local.get 51
    i32.and
    local.set 52
    i32.const 25
    local.set 53
    local.get 52
    local.get 53
    i32.shl
    local.set 54
    i32.const 33554431
    local.set 55
    local.get 50
    local.get 55
    i32.and
    local.set 56
    local.get 56
    local.get 54
    i32.or
    local.set 57
    i32.const 0
    local.set 58
    local.get 58
    local.get 57
    i32.store offset=1024
    local.get 4
    i32.load offset=12
    local.set 59
    local.get 4
    i32.load offset=8
    local.set 60
    local.get 59
    local.get 60
    i32.xor
    local.set 61
    i32.const 0
    local.set 62
    local.get 62
    i32.load offset=1028
    local.set 63
    i32.const 4095
    local.set 64
    local.get 61
    local.get 64
    i32.and
    local.set 65
    i32.const -4096
    local.set 66
    local.get 63
    local.get 66
    i32.and
    local.set 67
    local.get 67
    local.get 65
    i32.or
    local.set 68
    i32.const 0
    local.set 69
    local.get 69
    local.get 68
    i32.store offset=1028
    local.get 4
    i32.load offset=12
    local.set 70
    i32.const 3
    local.set 71
    local.get 70
    local.get 71
    i32.mul
    local.set 72
    i32.const 0
    local.set 73
    local.get 73
    i32.load offset=1028
    local.set 74
    i32.const 1048575
    local.set 75
    local.get 72
    local.get 75
    i32.and
    local.set 76
    i32.const 12
    local.set 77
    local.get 76
    local.get 77
    i32.shl
    local.set 78
    i32.const 4095
    local.set 79
    local.get 74
    local.get 79
    i32.and
    local.set 80
    local.get 80
    local.get 78
    i32.or
    local.set 81
    i32.const 0
    local.set 82
    local.get 82
    local.get 81
    i32.store offset=1028
    i32.const 0
    local.set 83
    local.get 83
    i32.load offset=1028
    local.set 84
    i32.const 20
    local.set 85
    local.get 84
    local.get 85
    i32.shl
    local.set 86
    i32.const 20
    local.set 87
    local.get 86
    local.get 87
    i32.shr_s
    local.set 88
    i32.const 0
    local.set 89
    local.get 89
    i32.load offset=1028
    local.set 90
    i32.const 12
    local.set 91
    local.get 90
    local.get 91
    i32.shr_s
    local.set 92
    local.get 88
    local.get 92
    i32.add
    local.set 93
    i32.const 0
    local.set 94
    local.get 94
    i32.load offset=1024
    local.set 95
    i32.const 16
    local.set 96
    local.get 95
    local.get 96
    i32.shr_u
    local.set 97
    i32.const 511
    local.set 98
    local.get 97
    local.get 98
    i32.and
    local.set 99
    i32.const 65535
    local.set 100
    local.get 99
    local.get 100
    i32.and
    local.set 101
    local.get 93
    local.get 101
    i32.add
    local.set 102
    i32.const 0
    local.set 103
    local.get 103
    i32.load offset=1024
    local.set 104
    i32.const 25
    local.set 105
    local.get 104
    local.get 105
    i32.shr_u
    local.set 106
    i32.const 65535
    local.set 107
    local.get 106
    local.get 107
    i32.and
    local.set 108
    local.get 102
    local.get 108
    i32.add
    local.set 109
    local.get 109
    return)
  (table (;0;) 1 1 funcref)
  (memory (;0;) 2)
  (global (;0;) (mut i32) (i32.const 66576))
  (export "memory" (memory 0))
  (export "can_set" (func 0)))
