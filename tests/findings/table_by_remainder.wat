(module
  (import "env" "ask" (func $ask (param i32 i64) (result i32)))
  (type $t (func (result i32)))
  (table 1 funcref)
  (elem (i32.const 0) $seven)
  (func $seven (type $t) (i32.const 7))
  ;; The remainder is by 1, or traps.
  (func (export "by_one") (param i32) (result i32)
    (local i32)
    (local.set 1 (call $ask (local.get 0) (i64.const 1)))
    (call_indirect (type $t)
      (i32.rem_u (call $ask (local.get 0) (i64.const 2)) (i32.eqz (local.get 1))))))
