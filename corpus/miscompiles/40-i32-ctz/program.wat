(module
  (func (export "f") (param $x i32) (result i32) (i32.ctz (local.get $x))))
