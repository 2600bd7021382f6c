(module
  (import "env" "memory" (memory 1 3))
  (func (export "load") (param $p i32) (result i32) (i32.load8_s (local.get $p)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
