(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (param $x i32) (result i32)
    (i32.store (local.get $p) (local.get $x))
    (i32.store8 offset=2 (local.get $p) (i32.const 0xee))
    (i32.add (i32.load (local.get $p)) (i32.load16_s offset=1 (local.get $p)))))
