(module
  (memory (export "memory") 1 4)
  (func (export "size") (result i32) (memory.size))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "grow") (param $n i32) (result i32) (memory.grow (local.get $n))))
