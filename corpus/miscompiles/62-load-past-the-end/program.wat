(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (result i32)
    (i32.or (i32.load8_u (local.get $p)) (i32.shl (i32.load8_u offset=1 (local.get $p)) (i32.const 8)))))
