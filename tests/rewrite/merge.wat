;;! function: both
;;! after: merge
;;! bounds: none
;;! absent: call

;; What inlining leaves: blocks with one incoming edge, and a detour.
(module
  (memory 1)
  (func $put (param $p i32) (param $v i32)
    (if (i32.lt_s (local.get $v) (i32.const 0)) (then (i32.store8 offset=9 (local.get $p) (local.get $v))))
    (i32.store (local.get $p) (local.get $v)))
  (func (export "both") (param $p i32) (param $v i32)
    (call $put (local.get $p) (local.get $v))
    (if (local.get $v)
      (then (call $put (local.get $v) (i32.const 3)))
      (else (call $put (local.get $v) (i32.const 4)))))
)
;;= both after merge
;;= func 1 -> ()
;;= b0(v0: i32, v1: i32):
;;=     v16 = const 0x0
;;=     v9 = cmp.lts v1, v16
;;=     branch v9, b1(), b2()
;;= b1():
;;=     store.byte +0x9 v0, v1
;;=     jump b2()
;;= b2():
;;=     store.word +0x0 v0, v1
;;=     branch v1, b3(), b4()
;;= b3():
;;=     v17 = const 0x3
;;=     store.word +0x0 v1, v17
;;=     jump b5()
;;= b4():
;;=     v18 = const 0x0
;;=     v19 = const 0x4
;;=     store.word +0x0 v18, v19
;;=     jump b5()
;;= b5():
;;=     return
