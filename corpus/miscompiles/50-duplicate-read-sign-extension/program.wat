(module
  (func (export "f") (param $x i32) (result i32)
    (local $a i32)
    (local.set $a (i32.extend8_s (local.get $x)))
    (local.set $x (i32.shr_u (local.get $x) (i32.const 8)))
    (i32.add (i32.mul (local.get $a) (i32.const 1000)) (i32.extend8_s (local.get $x)))))
