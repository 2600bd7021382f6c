(module
  (func (export "neg") (param $x i32) (result i32) (i32.div_s (local.get $x) (i32.const -1)))
  (func (export "one") (param $x i32) (result i32) (i32.div_s (local.get $x) (local.get $x))))
