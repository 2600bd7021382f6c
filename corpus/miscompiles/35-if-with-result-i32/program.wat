(module
  (func (export "f") (param $c i32) (param $x i32) (param $y i32) (result i32)
    (if (result i32) (local.get $c)
      (then (local.get $x))
      (else (i32.sub (i32.mul (local.get $y) (local.get $y)) (local.get $x))))))
