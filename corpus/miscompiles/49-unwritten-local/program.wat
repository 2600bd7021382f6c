(module
  (func (export "f") (param $c i32) (result i32)
    (local $a i32) (local $b i64) (local $d i32)
    (if (local.get $c) (then (local.set $a (i32.const 5)) (local.set $b (i64.const 7))))
    (i32.add (i32.add (local.get $a) (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 1)))) (local.get $d))))
