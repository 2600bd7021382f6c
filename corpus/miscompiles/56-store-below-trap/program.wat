(module
  (memory (export "memory") 1)
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (local $q i32)
    (i32.store (i32.const 32) (local.get $x))
    (local.set $q (i32.div_u (local.get $x) (local.get $y)))
    (i32.store (i32.const 32) (local.get $q))
    (local.get $q)))
