(module
  (func (export "f") (param $x i32) (param $y i64) (result i64)
    (i64.sub (i64.extend_i32_u (local.get $x)) (local.get $y))))
