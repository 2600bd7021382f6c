(module
  (func (export "f") (param $x i64) (param $y i64) (result i64)
    (i64.div_u (local.get $x) (local.get $y))))
