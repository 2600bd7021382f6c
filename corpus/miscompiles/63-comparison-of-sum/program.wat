(module
  (func (export "f") (param $x i32) (result i32) (i32.lt_s (i32.add (local.get $x) (i32.const 10)) (i32.const 20)))
  (func (export "g") (param $x i32) (result i32) (i32.gt_u (i32.add (local.get $x) (i32.const 1)) (local.get $x))))
