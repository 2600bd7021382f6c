(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (param $q i32) (result i32)
    (local $a i32)
    (i32.store16 (local.get $p) (i32.const 0x1111))
    (local.set $a (i32.load (local.get $q)))
    (i32.store16 offset=2 (local.get $p) (i32.const 0x2222))
    (local.get $a)))
