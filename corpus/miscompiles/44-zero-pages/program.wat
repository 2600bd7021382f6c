(module
  (memory (export "memory") 0 1)
  (func (export "load") (param $p i32) (result i32) (i32.load (local.get $p)))
  (func (export "store8") (param $p i32) (param $x i32) (i32.store8 (local.get $p) (local.get $x)))
  (func (export "size") (result i32) (memory.size)))
