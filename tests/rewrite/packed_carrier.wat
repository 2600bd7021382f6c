;;! function: give
;;! bounds: none
;;! absent: join split shl lshr shl64 shru64 or64

;; A decision packed into 64 bits and unpacked at once, as across a seam between languages.
(module
  (func $decide (param $count i32) (param $limit i32) (result i64)
    (local $action i32) (local $new i32)
    (if (i32.lt_u (local.get $count) (local.get $limit))
      (then
        (local.set $action (i32.const 1))
        (local.set $new (i32.add (local.get $count) (i32.const 1))))
      (else (local.set $new (local.get $count))))
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $new)) (i64.const 32))
      (i64.extend_i32_u (local.get $action))))
  (memory 1)
  (func (export "give") (param $sem i32) (result i32)
    (local $packed i64)
    (local.set $packed (call $decide (i32.load (local.get $sem)) (i32.load offset=4 (local.get $sem))))
    (i32.store (local.get $sem) (i32.wrap_i64 (i64.shr_u (local.get $packed) (i64.const 32))))
    (i32.wrap_i64 (i64.and (local.get $packed) (i64.const 0xffffffff))))
)
;;= give after if_convert
;;= func 1 -> (i32)
;;= b0(v0: i32):
;;=     v7 = load.word +0x0 v0
;;=     v8 = load.word +0x4 v0
;;=     v9 = cmp.ltu v7, v8
;;=     v10 = const 0x1
;;=     v11 = add v7, v10
;;=     v12 = const 0x0
;;=     v13 = select v9, v10, v12
;;=     v14 = cmp.ltu v7, v8
;;=     v15 = select v14, v11, v7
;;=     store.word +0x0 v0, v15
;;=     return v13
