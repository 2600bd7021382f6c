(module
  (func (export "rem") (param $x i32) (param $y i32) (result i32) (i32.rem_s (local.get $x) (local.get $y)))
  (func (export "rem8") (param $x i32) (result i32) (i32.rem_s (local.get $x) (i32.const 8)))
  (func (export "rem10") (param $x i32) (result i32) (i32.rem_u (local.get $x) (i32.const 10))))
