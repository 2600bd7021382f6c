(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (result i32)
    (local $a i32)
    (local.set $a (i32.load (local.get $p)))
    (local.set $p (i32.add (local.get $p) (i32.const 8)))
    (i32.sub (i32.load (local.get $p)) (local.get $a))))
