(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (local $t i32)
    (i32.sub (local.tee $t (i32.div_s (local.get $x) (local.get $y))) (local.get $t))))
