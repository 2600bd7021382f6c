(module
  (memory (export "memory") 1 2)
  (func (export "f") (param $p i32) (result i32)
    (local $a i32)
    (local.set $a (i32.load (i32.const 0)))
    (drop (memory.grow (i32.const 1)))
    (i32.add (i32.load (local.get $p)) (local.get $a))))
