(module
  (memory (export "memory") 1)
  (func (export "load") (param $p i32) (result i64) (i64.load (local.get $p)))
  (func (export "store") (param $p i32) (param $x i64) (i64.store offset=4 (local.get $p) (local.get $x)))
  (func (export "copy") (param $p i32) (param $q i32) (i64.store (local.get $q) (i64.load offset=8 (local.get $p)))))
