(module
  (memory (export "memory") 1)
  (func (export "load") (param $p i32) (result i32) (i32.load offset=65000 (local.get $p)))
  (func (export "far") (param $p i32) (result i32) (i32.load offset=0xffffffff (local.get $p))))
