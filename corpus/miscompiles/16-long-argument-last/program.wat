(module
  (import "env" "note" (func $note (param i32 i32 i32 i64) (result i32)))
  (func (export "f") (param $x i32) (param $y i32) (param $w i64) (result i32)
    (call $note (local.get $x) (local.get $y) (i32.const 9) (local.get $w))))
