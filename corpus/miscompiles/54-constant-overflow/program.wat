(module
  (memory (export "memory") 1)
  (func (export "f") (param $x i32) (result i32)
    (i32.store (i32.const 4) (local.get $x))
    (i32.div_s (i32.const 0x80000000) (i32.const -1))))
