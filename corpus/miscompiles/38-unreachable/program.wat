(module
  (memory (export "memory") 1)
  (func (export "f") (param $x i32) (result i32)
    (i32.store (i32.const 0) (local.get $x))
    (if (i32.gt_s (local.get $x) (i32.const 5)) (then (unreachable)))
    (i32.add (local.get $x) (i32.const 1))))
