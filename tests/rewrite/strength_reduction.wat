;;! function: powers neighbours divisions remainder
;;! bounds: software
;;! absent: mul udiv sdiv
;; Products and quotients by constants become shifts, sums and high products.
(module
  (func (export "powers") (param i32) (result i32)
    (i32.xor (i32.mul (local.get 0) (i32.const 64)) (i32.div_u (local.get 0) (i32.const 16))))
  (func (export "neighbours") (param i32 i32) (result i32)
    (i32.sub (i32.mul (local.get 0) (i32.const 5)) (i32.mul (local.get 1) (i32.const 7))))
  (func (export "divisions") (param i32 i32) (result i32)
    (i32.xor (i32.div_u (local.get 0) (i32.const 10)) (i32.div_s (local.get 1) (i32.const 8))))
  (func (export "remainder") (param i32) (result i32)
    (i32.rem_u (local.get 0) (i32.const 32))))
;;= powers after rewrite
;;= func 0 -> (i32)
;;= b0(v0: i32):
;;=     v6 = const 0x6
;;=     v2 = shl v0, v6
;;=     v8 = const 0x4
;;=     v4 = lshr v0, v8
;;=     v5 = xor v2, v4
;;=     return v5
;;= neighbours after rewrite
;;= func 1 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v7 = const 0x2
;;=     v8 = shl v0, v7
;;=     v10 = const 0x3
;;=     v11 = shl v1, v10
;;=     v13 = sub v1, v11
;;=     v14 = add v8, v13
;;=     v6 = add v0, v14
;;=     return v6
;;= divisions after rewrite
;;= func 2 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v7 = const 0xcccccccd
;;=     v8 = umulhi v0, v7
;;=     v9 = const 0x3
;;=     v3 = lshr v8, v9
;;=     v11 = const 0x1f
;;=     v12 = ashr v1, v11
;;=     v13 = const 0x1d
;;=     v14 = lshr v12, v13
;;=     v15 = add v1, v14
;;=     v16 = const 0x3
;;=     v5 = ashr v15, v16
;;=     v6 = xor v3, v5
;;=     return v6
;;= remainder after rewrite
;;= func 3 -> (i32)
;;= b0(v0: i32):
;;=     v9 = const 0x1f
;;=     v4 = and v0, v9
;;=     return v4
