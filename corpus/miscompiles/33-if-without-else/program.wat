(module
  (memory (export "memory") 1)
  (func (export "f") (param $c i32) (param $d i32)
    (if (local.get $c) (then (i32.store8 (i32.const 1) (i32.add (i32.load8_u (i32.const 1)) (i32.const 1)))))
    (i32.store8 (i32.const 3) (i32.add (i32.load8_u (i32.const 3)) (i32.const 1)))))
