(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (local $a i32) (local $b i32)
    (local.set $a (select (local.get $x) (local.get $y) (i32.lt_s (local.get $x) (local.get $y))))
    (local.set $b (select (local.get $y) (local.get $x) (i32.lt_s (local.get $x) (local.get $y))))
    (i32.sub (i32.shl (local.get $b) (i32.const 4)) (local.get $a))))
