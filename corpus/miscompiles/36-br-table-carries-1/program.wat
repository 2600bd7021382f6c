(module
  (func (export "f") (param $x i32) (param $i i32) (result i32)
    (block $b (result i32)
      (block $a (result i32)
        (i32.mul (local.get $x) (i32.const 5)) ;; carried
        
        (br_table $a $b $a $b $a $b (local.get $i)))
      (i32.add (i32.const 1000)))))
