(module
  (func (export "f") (param $i i32) (result i32)
    (local $r i32)
    (block $d (block $c (block $b (block $a
      (br_table $c $b $a $a $b $d (local.get $i)))
      (local.set $r (i32.const 11)) (br $d))
      (local.set $r (i32.const 22)) (br $d))
      (local.set $r (i32.const 33)))
    (i32.add (local.get $r) (i32.const 1000))))
