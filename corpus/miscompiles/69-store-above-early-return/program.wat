(module
  (memory (export "memory") 1)
  (func (export "f") (param $x i32) (result i32)
    (if (i32.lt_s (local.get $x) (i32.const 0)) (then (return (i32.const -1))))
    (i32.store (i32.const 64) (local.get $x))
    (i32.shl (local.get $x) (i32.const 1))))
