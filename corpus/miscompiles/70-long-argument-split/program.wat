(module
  (import "env" "note" (func $note (param i32 i32 i32 i64 i32) (result i32)))
  (func (export "f") (param $x i32) (param $y i64) (result i32)
    (call $note (local.get $x) (i32.const 2) (i32.const 3) (local.get $y) (i32.const 5))))
