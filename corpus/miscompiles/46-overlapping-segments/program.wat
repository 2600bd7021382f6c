(module
  (memory (export "memory") 1)
  (data (i32.const 100) "aaaaaaaa")
  (data (i32.const 104) "bb")
  (data (i32.const 103) "c")
  (func (export "word") (param i32) (result i32) (i32.load (local.get 0))))
