(module
  (func (export "f") (param $x i64) (param $n i64) (result i64)
    (i64.rotl (local.get $x) (local.get $n))))
