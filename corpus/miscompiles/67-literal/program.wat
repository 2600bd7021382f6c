(module
  (func (export "f") (param $i i32) (result i32)
    (block $d (block $c (block $b (block $a
      (br_table $a $b $c $a $d (local.get $i)))
      (return (i32.const 11)))
      (return (i32.const 22)))
      (return (i32.const 33)))
    (i32.const 44))
  (func (export "k") (param $x i32) (result i32) (i32.xor (i32.mul (local.get $x) (i32.const 0x12345679)) (i32.const 0x0badcafe)))
  (func (export "z") (param $x i32) (result i32) (if (result i32) (local.get $x) (then (i32.const 5)) (else (i32.const 6)))))
