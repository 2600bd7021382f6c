(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (param $q i32) (result i32)
    (i32.store (local.get $p) (i32.const 1))
    (i32.store (local.get $q) (i32.const 2))
    (i32.load (local.get $p))))
