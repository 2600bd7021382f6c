(module
  (func (export "f") (param $n i32) (param $x i32) (result i32) (i32.rotl (local.get $x) (local.get $n)))
  (func (export "g") (param $n i32) (param $x i32) (result i32) (i32.rotr (local.get $x) (local.get $n))))
