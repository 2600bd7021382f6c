(module
  (func (export "f") (param $x i32) (param $y i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $x)) (i64.const 32)) (i64.extend_i32_u (local.get $y)))))
