(module
  (memory (export "memory") 1)
  (func (export "f") (param $i i32) (result i32)
    (i32.load (i32.shl (local.get $i) (i32.const 2))))
  (func (export "g") (param $i i32) (result i32)
    (i32.load (i32.add (i32.shl (local.get $i) (i32.const 3)) (i32.const 8)))))
