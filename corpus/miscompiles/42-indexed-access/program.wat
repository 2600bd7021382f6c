(module
  (memory (export "memory") 1)
  (func (export "load") (param $p i32) (param $i i32) (result i32)
    (i32.load offset=16 (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 2)))))
  (func (export "store") (param $p i32) (param $i i32) (param $x i32)
    (i32.store16 offset=16 (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 1))) (local.get $x))))
