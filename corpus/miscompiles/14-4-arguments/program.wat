(module
  (import "env" "note" (func $note (param i32)))
  (func $g (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i32)
    (call $note (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (local.get $a) (i32.const 31)) (local.get $b)) (i32.const 31)) (local.get $c)) (i32.const 31)) (local.get $d)))
    (i32.add (i32.mul (i32.add (i32.mul (i32.add (i32.mul (local.get $a) (i32.const 31)) (local.get $b)) (i32.const 31)) (local.get $c)) (i32.const 31)) (local.get $d)))
  (func (export "constants") (param $x i32) (param $y i32) (result i32)
    (call $g (i32.const 17) (local.get $y) (i32.sub (local.get $x) (local.get $y)) (i32.const 20)))
  (func (export "exchanged") (param $x i32) (param $y i32) (result i32)
    (i32.add (call $g (local.get $y) (local.get $x) (i32.sub (local.get $x) (local.get $y)) (i32.const 20)) (local.get $x))))
