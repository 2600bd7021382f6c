(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (param $x i32)
    (i32.store (local.get $p) (local.get $x))
    (local.set $p (i32.add (local.get $p) (i32.const 4)))
    (i32.store (local.get $p) (i32.add (local.get $x) (i32.const 1)))))
