(module
  (func (export "f") (param $x i64) (param $y i64) (param $k i32) (result i64)
    (i64.add
      (i64.mul (i64.div_u (local.get $x) (local.get $y)) (i64.const 3))
      (i64.sub (i64.rem_u (local.get $x) (local.get $y)) (i64.extend_i32_s (local.get $k))))))
