(module
  (memory $a 1)
  (memory $b 1)
  (data (memory $b) (i32.const 0) "x")
  (func (export "f") (result i32) (i32.load8_u $b (i32.const 0))))
