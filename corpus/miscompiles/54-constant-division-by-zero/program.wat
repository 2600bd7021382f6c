(module
  (memory (export "memory") 1)
  (func (export "f") (param $x i32) (result i32)
    (i32.store (i32.const 4) (local.get $x))
    (i32.rem_u (i32.const 7) (i32.const 0))))
