(module
  (func (export "f") (param $c i32) (param $x i32) (param $y i32) (result i32)
    (i32.mul (local.get $x) (i32.const 7)) ;; below
    (if (result i32) (local.get $c)
      (then (i32.add (local.get $y) (i32.const 1)))
      (else (local.get $y)))
    i32.sub))
