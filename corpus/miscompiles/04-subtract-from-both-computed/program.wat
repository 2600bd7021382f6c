(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (i32.sub (i32.const 1000) (i32.add (local.get $x) (local.get $y))))
  (func (export "g") (param $x i32) (param $y i32) (result i32)
    (i32.sub (i32.shl (local.get $x) (i32.const 3)) (i32.xor (local.get $x) (local.get $y)))))
