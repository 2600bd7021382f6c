(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (param $x i32) (result i32)
    (local $n i32)
    (i32.store (local.get $p) (local.get $x))
    (local.set $n (i32.popcnt (local.get $x)))
    (i32.add (i32.mul (local.get $n) (i32.const 256)) (i32.load8_u (local.get $p)))))
