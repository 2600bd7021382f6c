(module
  (import "env" "look" (func $look))
  (memory (export "memory") 1)
  (func (export "f") (param $x i32)
    (i32.store8 (i32.const 8) (local.get $x))
    (call $look)
    (i32.store8 (i32.const 9) (local.get $x))))
