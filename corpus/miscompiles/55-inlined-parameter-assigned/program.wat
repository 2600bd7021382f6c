(module
  (func $gcd (param $a i32) (param $b i32) (result i32)
    (if (i32.lt_u (local.get $a) (local.get $b)) (then (local.set $a (local.get $b)) (local.set $b (i32.const 3))))
    (i32.sub (local.get $a) (local.get $b)))
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (i32.add (call $gcd (local.get $x) (local.get $y)) (i32.mul (local.get $x) (i32.const 100)))))
