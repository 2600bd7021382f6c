(module
  (func (export "f") (param $x i64) (result i64) (i64.popcnt (local.get $x))))
