(module
  (memory (export "memory") 1)
  (func (export "f") (param $x i32) (result i32)
    (block $c (block $b (block $a
      (br_if $c (i32.eq (local.get $x) (i32.const 3)))
      (br_if $b (i32.eq (local.get $x) (i32.const 2)))
      (br_if $a (i32.eq (local.get $x) (i32.const 1)))
      (i32.store8 (i32.const 0) (i32.const 9)))
      (i32.store8 (i32.const 1) (i32.const 8)))
      (i32.store8 (i32.const 2) (i32.const 7)))
    (i32.load (i32.const 0))))
