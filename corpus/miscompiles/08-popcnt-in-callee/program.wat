(module
  (memory (export "memory") 1)
  (func $ones (export "ones") (param $x i32) (result i32) (i32.popcnt (local.get $x)))
  (func (export "f") (param $p i32) (param $x i32) (param $k i32) (result i32)
    (i32.store (local.get $p) (local.get $k))
    (i32.sub (i32.add (call $ones (local.get $x)) (i32.load (local.get $p))) (local.get $k))))
