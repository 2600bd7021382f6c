(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (param $x i32) (result i32)
    (i32.store (i32.const 8200) (local.get $x))
    (i32.store offset=8200 (local.get $p) (i32.const 7))
    (i32.load (i32.const 8200))))
