(module
  (func (export "f") (param $x i64) (param $n i64) (result i64)
    (i64.rotr (local.get $x) (local.get $n))))
