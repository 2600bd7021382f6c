(module
  (import "env" "tick" (func $tick (result i32)))
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (result i32)
    (local $r i32)
    (local.set $r (i32.and (call $tick) (i32.const 0xfc)))
    (i32.add (i32.load (local.get $p)) (local.get $r))))
