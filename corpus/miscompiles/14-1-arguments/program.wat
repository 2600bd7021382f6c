(module
  (import "env" "note" (func $note (param i32)))
  (func $g (param $a i32) (result i32)
    (call $note (local.get $a))
    (local.get $a))
  (func (export "constants") (param $x i32) (param $y i32) (result i32)
    (call $g (i32.const 17)))
  (func (export "exchanged") (param $x i32) (param $y i32) (result i32)
    (i32.add (call $g (local.get $y)) (local.get $x))))
