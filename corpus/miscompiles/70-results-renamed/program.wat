(module
  (import "env" "wide" (func $wide (param i32) (result i64)))
  (func (export "f") (param $x i32) (result i64)
    (i64.add (i64.shl (call $wide (local.get $x)) (i64.const 32)) (i64.shr_u (call $wide (i32.const 7)) (i64.const 32)))))
