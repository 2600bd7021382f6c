(module
  (memory (export "memory") 1)
  (func (export "load") (param $p i32) (result i32) (i32.load16_u (local.get $p)))
  (func (export "store") (param $p i32) (param $x i32) (i32.store16 (local.get $p) (local.get $x))))
