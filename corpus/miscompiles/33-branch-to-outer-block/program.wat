(module
  (memory (export "memory") 1)
  (func (export "f") (param $c i32) (param $d i32)
    (block $out (block $in (br_if $out (local.get $c)) (i32.store8 (i32.const 1) (i32.add (i32.load8_u (i32.const 1)) (i32.const 1))) (br_if $in (local.get $d)) (i32.store8 (i32.const 2) (i32.add (i32.load8_u (i32.const 2)) (i32.const 1)))) (i32.store8 (i32.const 3) (i32.add (i32.load8_u (i32.const 3)) (i32.const 1))))
    (i32.store8 (i32.const 4) (i32.add (i32.load8_u (i32.const 4)) (i32.const 1)))))
