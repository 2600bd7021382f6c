(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (local $t i32)
    (i32.mul (i32.div_s (local.get $x) (local.get $y)) (i32.const 0))))
