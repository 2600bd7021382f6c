(module
  (import "env" "wide" (func $wide (param i64) (result i64)))
  (func (export "f") (param $x i64) (result i32)
    (i32.wrap_i64 (i64.shr_u (i64.and (call $wide (local.get $x)) (i64.const 0x0000ffff00000000)) (i64.const 28)))))
