(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (result i32)
    (i32.load8_u (i32.add (local.get $p) (i32.const -16))))
  (func (export "g") (param $p i32) (result i32)
    (i32.load8_u offset=65535 (local.get $p))))
