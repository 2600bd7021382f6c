(module
  (func (export "f") (param $x i64) (param $n i64) (result i64)
    (i64.shr_s (local.get $x) (local.get $n))))
