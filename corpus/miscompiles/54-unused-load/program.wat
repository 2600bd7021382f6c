(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (result i32)
    (drop (i32.load (local.get $p)))
    (i32.const 1)))
