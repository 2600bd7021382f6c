(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (local $c i32)
    (local.set $c (i32.lt_s (local.get $x) (local.get $y)))
    (i32.add
      (select (local.get $x) (local.get $y) (local.get $c))
      (i32.shl (local.get $c) (i32.const 8)))))
