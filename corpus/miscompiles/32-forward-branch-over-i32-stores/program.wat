(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (param $x i32) (param $c i32)
    (block $over
      (br_if $over (local.get $c)) ;; over
      (i32.store8 offset=1 (local.get $p) (local.get $x))
      (i32.store8 offset=300 (local.get $p) (local.get $x))
      (i32.store16 offset=2 (local.get $p) (local.get $x))
      (i32.store16 offset=4000 (local.get $p) (local.get $x))
      (i32.store offset=8 (local.get $p) (local.get $x))
      (i32.store offset=2000 (local.get $p) (local.get $x))
      (i32.store offset=5000 (local.get $p) (local.get $x)))
    (i32.store offset=6000 (local.get $p) (i32.const 0x5a))))
