(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (i32.rotl (i32.add (local.get $x) (local.get $y)) (i32.sub (local.get $x) (local.get $y))))
  (func (export "g") (param $x i32) (param $y i32) (result i32)
    (i32.rotl (local.get $y) (local.get $x))))
