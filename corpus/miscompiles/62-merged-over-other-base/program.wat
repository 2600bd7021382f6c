(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (param $q i32)
    (i32.store16 (local.get $p) (i32.const 0x1111))
    (i32.store (local.get $q) (i32.const 0x33333333))
    (i32.store16 offset=2 (local.get $p) (i32.const 0x2222))))
