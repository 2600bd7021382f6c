(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (i32.div_s (local.get $x) (local.get $y))))
