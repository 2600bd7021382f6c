(module
  (memory (export "memory") 1)
  ;; The code's truth value is `x ? 1 : x` where the module's is `x ? 1 : 0`: it is stored, and a load past that store is an address.
  (func (export "shift_in") (param $p i32) (param $a i32) (param $b i32) (param $acc i32) (param $q i32) (param $at i32)
    (result i32)
    (local $v i32)
    (local.set $v
      (i32.or
        (i32.shl (local.get $acc) (i32.const 1))
        (i32.ne (i32.and (i32.and (local.get $a) (local.get $b)) (i32.const 255)) (i32.const 0))))
    (i32.store8 (local.get $at) (local.get $v))
    (local.set $a (i32.load (local.get $q)))
    (i32.store (local.get $q) (i32.add (local.get $a) (i32.const 1)))
    (i32.store8 (i32.add (local.get $p) (local.get $a)) (local.get $v))
    (i32.load8_u (i32.add (local.get $p) (local.get $a))))
  ;; A decoder of IMA ADPCM as clang leaves it. The code saturates by `ssat`, whose meaning takes the ends in the other order.
  (func (export "decode") (param $state i32) (param $code i32) (result i32)
    (local $step i32) (local $index i32)
    (local.set $index
      (i32.add
        (i32.load8_s (i32.add (i32.and (local.get $code) (i32.const 15)) (i32.const 1216)))
        (local.tee $step (i32.load8_s offset=2 (local.get $state)))))
    (local.set $index
      (select (local.get $index) (i32.const 88) (i32.lt_s (local.get $index) (i32.const 88))))
    (i32.store8 offset=2 (local.get $state)
      (select (local.get $index) (i32.const 0) (i32.gt_s (local.get $index) (i32.const 0))))
    (local.set $step
      (i32.load16_s (i32.add (i32.shl (local.get $step) (i32.const 1)) (i32.const 1024))))
    (local.set $index
      (i32.add
        (i32.add
          (i32.add
            (i32.shr_s (local.get $step) (i32.const 3))
            (i32.and (i32.shr_s (i32.shl (local.get $code) (i32.const 29)) (i32.const 31)) (local.get $step)))
          (i32.and
            (i32.shr_s (i32.shl (local.get $code) (i32.const 30)) (i32.const 31))
            (i32.shr_s (local.get $step) (i32.const 1))))
        (i32.and
          (i32.sub (i32.const 0) (i32.and (local.get $code) (i32.const 1)))
          (i32.shr_s (local.get $step) (i32.const 2)))))
    (local.set $index
      (i32.add
        (select
          (i32.sub (i32.const 0) (local.get $index))
          (local.get $index)
          (i32.and (local.get $code) (i32.const 8)))
        (i32.load16_s (local.get $state))))
    (local.set $index
      (select (local.get $index) (i32.const -32768) (i32.gt_s (local.get $index) (i32.const -32768))))
    (local.set $index
      (select (local.get $index) (i32.const 32767) (i32.lt_s (local.get $index) (i32.const 32767))))
    (i32.store16 (local.get $state) (local.get $index))
    (local.get $index))
  (data (i32.const 1024) "\07\00\08\00\09\00\0a\00\0b\00\0c\00\0d\00\0e\00\10\00\11\00\13\00\15\00\17\00\19\00\1c\00\1f\00\22\00\25\00\29\00\2d\00\32\00\37\00\3c\00\42\00\49\00\50\00\58\00\61\00\6b\00\76\00\82\00\8f\00\9d\00\ad\00\be\00\d1\00\e6\00\fd\00\17\01\33\01\51\01\73\01\98\01\c1\01\ee\01\20\02\56\02\92\02\d4\02\1c\03\6c\03\c3\03\24\04\8e\04\02\05\83\05\10\06\ab\06\56\07\12\08\e0\08\c3\09\bd\0a\d0\0b\ff\0c\4c\0e\ba\0f\4c\11\07\13\ee\14\06\17\54\19\dc\1b\a5\1e\b6\21\15\25\ca\28\df\2c\5b\31\4b\36\b9\3b\b2\41\44\48\7e\4f\71\57\2f\60\ce\69\62\74\ff\7f")
  (data (i32.const 1216) "\ff\ff\ff\ff\02\04\06\08\ff\ff\ff\ff\02\04\06\08"))
