(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (local.set $x (i32.add (local.get $x) (local.get $y)))
    (local.set $y (i32.mul (local.get $x) (local.get $y)))
    (i32.sub (local.get $y) (local.get $x))))
