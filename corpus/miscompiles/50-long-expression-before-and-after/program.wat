(module
  (func (export "f") (param $x i64) (param $y i64) (result i64)
    (local $a i64)
    (local.set $a (i64.mul (local.get $x) (local.get $y)))
    (local.set $x (i64.add (local.get $x) (i64.const 1)))
    (i64.sub (i64.mul (local.get $x) (local.get $y)) (local.get $a))))
