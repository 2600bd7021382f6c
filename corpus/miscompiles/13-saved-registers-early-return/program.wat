(module
  (memory (export "memory") 1)
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (if (i32.eqz (local.get $x)) (then (return (local.get $y))))
    (i32.store (i32.const 8) (local.get $y))
    (i32.mul (local.get $x) (i32.load (i32.const 8)))))
