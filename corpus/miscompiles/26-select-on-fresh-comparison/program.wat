(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (select (i32.const 3) (i32.const 0) (i32.lt_u (local.get $x) (local.get $y))))
  (func (export "max") (param $x i32) (param $y i32) (result i32)
    (select (local.get $x) (local.get $y) (i32.gt_s (local.get $x) (local.get $y)))))
