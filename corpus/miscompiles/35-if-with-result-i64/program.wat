(module
  (func (export "f") (param $c i32) (param $x i64) (param $y i64) (result i64)
    (if (result i64) (local.get $c)
      (then (local.get $x))
      (else (i64.sub (i64.mul (local.get $y) (local.get $y)) (local.get $x))))))
