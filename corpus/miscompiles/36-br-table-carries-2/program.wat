(module
  (func (export "f") (param $x i32) (param $i i32) (result i32)
    (block $b (result i32 i32)
      (block $a (result i32 i32)
        (i32.mul (local.get $x) (i32.const 5)) ;; carried
        (i32.xor (local.get $x) (i32.const 3))
        (br_table $a $b $a $b $a $b (local.get $i)))
      (i32.const 1000)
      i32.add)
    i32.sub))
