(module
  (func (export "f") (param $x i64) (result i64)
    (i64.add (i64.shl (local.get $x) (i64.const 33)) (i64.shr_s (local.get $x) (i64.const 5)))))
