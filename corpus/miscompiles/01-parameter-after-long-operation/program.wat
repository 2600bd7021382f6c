(module
  (func (export "f") (param $x i64) (param $y i64) (param $z i32) (result i32)
    (i32.sub
      (i32.wrap_i64 (i64.mul (local.get $x) (local.get $y)))
      (local.get $z))))
