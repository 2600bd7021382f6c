(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (i32.rem_u (local.get $x) (local.get $y))))
