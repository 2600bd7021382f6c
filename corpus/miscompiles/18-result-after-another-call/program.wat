(module
  (import "env" "a" (func $a (param i32) (result i32)))
  (import "env" "b" (func $b (param i32) (result i32)))
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (local $first i32)
    (local.set $first (call $a (local.get $y)))
    (i32.sub (i32.mul (local.get $first) (call $b (local.get $x))) (local.get $x))))
