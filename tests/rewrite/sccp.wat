;;! function: mode scaled
;;! after: sccp
;;! bounds: none
;;! absent: mul

;; A mode that is never another one, and a word that a comparison makes known.
(module
  (memory 1)
  (func (export "mode") (param $n i32) (result i32)
    (local $mode i32) (local $sum i32)
    (local.set $mode (i32.const 1))
    (loop $next
      (if (i32.eq (local.get $mode) (i32.const 1))
        (then (local.set $sum (i32.add (local.get $sum) (local.get $n))))
        (else (local.set $mode (i32.const 2)) (local.set $sum (i32.mul (local.get $sum) (local.get $n)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "scaled") (param $n i32) (param $p i32)
    (if (i32.ne (local.get $n) (i32.const 12)) (then (return)))
    (i32.store (local.get $p) (i32.mul (local.get $n) (i32.const 5))))
)
;;= mode after sccp
;;= func 0 -> (i32)
;;= b0(v0: i32):
;;=     v16 = const 0x0
;;=     jump b1(v0, v16)
;;= b1(v1: i32, v3: i32):
;;=     jump b2()
;;= b2():
;;=     v10 = add v3, v1
;;=     jump b4(v10)
;;= b3():
;;=     trap unreachable
;;= b4(v5: i32):
;;=     v18 = const 0x1
;;=     v14 = sub v1, v18
;;=     branch v14, b1(v14, v5), b5()
;;= b5():
;;=     return v5
;;= scaled after sccp
;;= func 1 -> ()
;;= b0(v0: i32, v1: i32):
;;=     v6 = const 0xc
;;=     v3 = cmp.ne v0, v6
;;=     branch v3, b1(), b2()
;;= b1():
;;=     return
;;= b2():
;;=     v7 = const 0x3c
;;=     store.word +0x0 v1, v7
;;=     return
