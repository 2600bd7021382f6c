(module
  (memory (export "memory") 1)
  (func (export "load") (param $p i32) (result i64) (i64.load (local.get $p)))
  (func (export "store") (param $p i32) (param $x i64) (i64.store align=8 (local.get $p) (local.get $x))))
