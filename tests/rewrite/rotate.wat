;;! function: copy
;;! bounds: none
;;! after: rotate

;; The test stands before the loop and at its bottom.
(module
  (memory 1)
  (func (export "copy") (param $to i32) (param $from i32) (param $n i32) (result i32)
    (local $i i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (i32.store8 (i32.add (local.get $to) (local.get $i)) (i32.load8_u (i32.add (local.get $from) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (local.get $i))
)
;;= copy after rotate
;;= func 0 -> (i32)
;;= b0(v0: i32, v1: i32, v2: i32):
;;=     v14 = const 0x0
;;=     jump b1(v14)
;;= b1(v3: i32):
;;=     v5 = cmp.geu v3, v2
;;=     branch v5, b4(v3), b2()
;;= b2():
;;=     jump b3(v3)
;;= b3(v11: i32):
;;=     v6 = add v0, v11
;;=     v7 = add v1, v11
;;=     v8 = load.byte +0x0 v7
;;=     store.byte +0x0 v6, v8
;;=     v15 = const 0x1
;;=     v10 = add v11, v15
;;=     v13 = cmp.geu v10, v2
;;=     branch v13, b4(v10), b3(v10)
;;= b4(v12: i32):
;;=     return v12
