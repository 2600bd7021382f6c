(module
  (import "env" "base" (global $base i32))
  (memory (export "memory") 1)
  (data (global.get $base) "x")
  (func (export "f") (result i32) (i32.load8_u (i32.const 0))))
