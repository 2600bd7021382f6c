(module
  (func (export "f") (param $x i32) (param $n i32) (result i32)
    (i32.shr_u (local.get $x) (local.get $n))))
