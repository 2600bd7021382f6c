(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (result i32)
    (local $v i32)
    (if (i32.eqz (local.get $p)) (then (return (i32.const -1))))
    (local.set $v (i32.add (i32.load (local.get $p)) (i32.const 1)))
    (i32.store (local.get $p) (local.get $v))
    (local.get $v)))
