(module
  (func (export "f") (param $x i32) (result i32) (i32.div_u (local.get $x) (i32.const 10)))
  (func (export "g") (param $x i32) (result i32) (i32.div_s (local.get $x) (i32.const 7))))
