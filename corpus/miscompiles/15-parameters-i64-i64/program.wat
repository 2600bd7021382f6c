(module
  (func (export "f") (param $x i64) (param $y i64) (result i64)
    (i64.sub (local.get $x) (local.get $y))))
