;;! function: sums masks offsets test comparison
;;! bounds: software
;; Constants come together over operations in between; masks and tests that say the same twice become one.
(module
  (func (export "sums") (param i32 i32) (result i32)
    (i32.add (i32.add (i32.add (local.get 0) (i32.const 9)) (local.get 1)) (i32.const -2)))
  (func (export "masks") (param i32) (result i32)
    (i32.and (i32.and (i32.shr_u (local.get 0) (i32.const 3)) (i32.const 0xff)) (i32.const 0x1f)))
  (func (export "offsets") (param i32 i32) (result i32)
    (i32.sub (i32.add (local.get 0) (i32.const 8)) (i32.add (local.get 1) (i32.const 48))))
  (func (export "test") (param i32) (result i32)
    (i32.ne (i32.xor (local.get 0) (i32.const 12)) (i32.const 5)))
  (func (export "comparison") (param i32 i32) (result i32)
    (i64.lt_s
      (i64.sub (i64.extend_i32_u (local.get 0)) (i64.extend_i32_u (local.get 1)))
      (i64.const 0))))
;;= sums after rewrite
;;= func 0 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v7 = const 0x7
;;=     v8 = add v1, v7
;;=     v6 = add v0, v8
;;=     return v6
;;= masks after rewrite
;;= func 1 -> (i32)
;;= b0(v0: i32):
;;=     v1 = const 0x3
;;=     v2 = lshr v0, v1
;;=     v7 = const 0x1f
;;=     v6 = and v2, v7
;;=     return v6
;;= offsets after rewrite
;;= func 2 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v7 = sub v0, v1
;;=     v8 = const 0xffffffd8
;;=     v6 = add v7, v8
;;=     return v6
;;= test after rewrite
;;= func 3 -> (i32)
;;= b0(v0: i32):
;;=     v5 = const 0x9
;;=     v4 = cmp.ne v0, v5
;;=     return v4
;;= comparison after rewrite
;;= func 4 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v5 = cmp.ltu v0, v1
;;=     return v5
