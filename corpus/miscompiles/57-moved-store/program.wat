(module
  (memory (export "memory") 1)
  (func (export "sub") (param $x i32) (param $y i32) (result i32)
    (i32.sub (i32.shl (local.get $x) (local.get $y)) (local.get $x)))
  (func (export "set") (param $p i32) (param $x i32)
    (i32.store (local.get $p) (local.get $x))
    (i32.store offset=4 (local.get $p) (i32.const 0)))
  (func (export "next") (param $p i32) (result i32)
    (i32.add (i32.load (local.get $p)) (i32.load offset=4 (local.get $p)))))
