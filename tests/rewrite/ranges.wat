;;! function: histogram ring below
;;! after: ranges
;;! bounds: software
;;! absent: bounds_check trap_if

;; Indices bounded by a loop's test and by narrow loads, by a remainder, and by comparisons that decide others.
(module
  (memory 1)
  (func (export "histogram") (param $n i32)
    (local $i i32) (local $p i32)
    (local.set $n (i32.and (local.get $n) (i32.const 1023)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $p (i32.shl (i32.load8_u offset=4096 (local.get $i)) (i32.const 2)))
      (i32.store offset=2048 (local.get $p) (i32.add (i32.load offset=2048 (local.get $p)) (i32.const 1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))
  (func (export "ring") (param $head i32) (result i32)
    (i32.load16_u offset=512 (i32.shl (i32.rem_u (local.get $head) (i32.const 48)) (i32.const 1))))
  (func (export "below") (param $i i32) (result i32)
    (if (i32.gt_u (local.get $i) (i32.const 40)) (then (return (i32.const 0))))
    (if (i32.lt_s (local.get $i) (i32.const 50)) (then (return (i32.add (local.get $i) (i32.const 3)))))
    (i32.div_u (i32.const 100) (local.get $i)))
)
;;= histogram after ranges
;;= func 0 -> ()
;;= b0(v0: i32):
;;=     v2 = const 0x3ff
;;=     v3 = and v0, v2
;;=     v4 = const 0x0
;;=     jump b1(v4)
;;= b1(v1: i32):
;;=     v5 = cmp.geu v1, v3
;;=     branch v5, b3(), b2()
;;= b2():
;;=     v6 = load.byte +0x1000 v1
;;=     v7 = const 0x2
;;=     v8 = shl v6, v7
;;=     v9 = load.word +0x800 v8
;;=     v10 = const 0x1
;;=     v11 = add v9, v10
;;=     store.word +0x800 v8, v11
;;=     v12 = add v1, v10
;;=     jump b1(v12)
;;= b3():
;;=     return
;;= ring after ranges
;;= func 1 -> (i32)
;;= b0(v0: i32):
;;=     v1 = const 0x30
;;=     v2 = udiv v0, v1
;;=     v3 = mul v2, v1
;;=     v4 = sub v0, v3
;;=     v5 = const 0x1
;;=     v6 = shl v4, v5
;;=     v7 = load.half +0x200 v6
;;=     return v7
;;= below after ranges
;;= func 2 -> (i32)
;;= b0(v0: i32):
;;=     v1 = const 0x28
;;=     v2 = cmp.gtu v0, v1
;;=     branch v2, b1(), b2()
;;= b1():
;;=     v3 = const 0x0
;;=     return v3
;;= b2():
;;=     jump b3()
;;= b3():
;;=     v6 = const 0x3
;;=     v7 = add v0, v6
;;=     return v7
;;= b4():
;;=     trap unreachable
