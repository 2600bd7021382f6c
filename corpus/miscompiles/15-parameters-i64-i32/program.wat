(module
  (func (export "f") (param $x i64) (param $y i32) (result i64)
    (i64.sub (local.get $x) (i64.extend_i32_s (local.get $y)))))
