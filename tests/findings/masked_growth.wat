;; A declared maximum that is no power of two, below the capacity of a masked memory.
(module (memory (export "memory") 1 3)
  (func (export "grow") (param $pages i32) (result i32) (memory.grow (local.get $pages)))
  (func (export "size") (result i32) (memory.size)))
