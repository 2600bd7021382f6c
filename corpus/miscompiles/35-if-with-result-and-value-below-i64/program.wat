(module
  (func (export "f") (param $c i32) (param $x i64) (param $y i64) (result i64)
    (i64.mul (local.get $x) (i64.const 7)) ;; below
    (if (result i64) (local.get $c)
      (then (i64.add (local.get $y) (i64.const 1)))
      (else (local.get $y)))
    i64.sub))
