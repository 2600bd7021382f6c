(module
  (func (export "f") (param $x i64) (param $y i64) (param $c i32) (result i64)
    (select (local.get $x) (local.get $y) (local.get $c))))
