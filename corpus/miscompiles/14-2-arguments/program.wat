(module
  (import "env" "note" (func $note (param i32)))
  (func $g (param $a i32) (param $b i32) (result i32)
    (call $note (i32.add (i32.mul (local.get $a) (i32.const 31)) (local.get $b)))
    (i32.add (i32.mul (local.get $a) (i32.const 31)) (local.get $b)))
  (func (export "constants") (param $x i32) (param $y i32) (result i32)
    (call $g (i32.const 17) (local.get $y)))
  (func (export "exchanged") (param $x i32) (param $y i32) (result i32)
    (i32.add (call $g (local.get $y) (local.get $x)) (local.get $x))))
