(module
  (func (export "f") (param $x i64) (result i64) (i64.clz (local.get $x))))
