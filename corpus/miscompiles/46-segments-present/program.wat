(module
  (memory (export "memory") 1)
  (data (i32.const 408) "first")
  (data (i32.const 4000) "\01\02\03")
  (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0))))
