(module
  (memory (export "memory") 1 2)
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (local $s i32)
    (local.set $s (i32.add (local.get $x) (local.get $y)))
    (memory.fill (i32.const 16) (local.get $x) (i32.const 5))
    (drop (memory.grow (i32.const 0)))
    (memory.copy (i32.const 32) (i32.const 16) (i32.const 4))
    (i32.sub (local.get $s) (i32.load (i32.const 32)))))
