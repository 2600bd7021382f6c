;;! function: copy table
;;! bounds: software
;;! after: induction

;; The counter of `copy` goes: its exit is where the address meets the end. The address in `table` is four times the index.
(module
  (memory 1)
  (func (export "copy") (param $to i32) (param $from i32) (param $n i32)
    (if (local.get $n) (then (loop $next
      (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
      (local.set $to (i32.add (local.get $to) (i32.const 1)))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))))
  (func (export "table") (param $v i32)
    (local $i i32) (local $p i32)
    (local.set $p (i32.const 4096))
    (loop $next
      (i32.store (local.get $p) (i32.mul (local.get $i) (local.get $v)))
      (local.set $p (i32.add (local.get $p) (i32.const 4)))
      (br_if $next (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 28)))))
)
;;= copy after induction
;;= func 0 -> ()
;;= b0(v0: i32, v1: i32, v2: i32):
;;=     branch v2, b1(), b3()
;;= b1():
;;=     v11 = add v1, v2
;;=     jump b2(v0, v1)
;;= b2(v3: i32, v4: i32):
;;=     bounds_check +0x0 1 bytes v4
;;=     v6 = load.byte +0x0 v4
;;=     bounds_check +0x0 1 bytes v3
;;=     store.byte +0x0 v3, v6
;;=     v7 = const 0x1
;;=     v8 = add v3, v7
;;=     v9 = add v4, v7
;;=     v12 = cmp.ne v9, v11
;;=     branch v12, b2(v8, v9), b3()
;;= b3():
;;=     return
;;= table after induction
;;= func 1 -> ()
;;= b0(v0: i32):
;;=     v3 = const 0x0
;;=     jump b1(v3)
;;= b1(v1: i32):
;;=     v5 = mul v1, v0
;;=     v14 = const 0x2
;;=     v15 = shl v1, v14
;;=     bounds_check +0x1000 4 bytes v15
;;=     v12 = const 0x2
;;=     v13 = shl v1, v12
;;=     store.word +0x1000 v13, v5
;;=     v8 = const 0x1
;;=     v9 = add v1, v8
;;=     v10 = const 0x1c
;;=     v11 = cmp.ne v9, v10
;;=     branch v11, b1(v9), b2()
;;= b2():
;;=     return
