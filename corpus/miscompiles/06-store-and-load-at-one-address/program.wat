(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (param $x i32) (result i32)
    (i32.store offset=8 (local.get $p) (local.get $x))
    (i32.add (i32.load offset=8 (local.get $p)) (i32.load offset=4 (local.get $p)))))
