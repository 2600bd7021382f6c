;;! function: around counters
;;! after: gvn
;;! bounds: none

;; One division for both sides of a loop and the loop; two counters of a loop that stay equal, and one that does not.
(module
  (memory 1)
  (func (export "around") (param $a i32) (param $b i32) (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (local.set $sum (i32.div_u (local.get $a) (local.get $b)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $sum (i32.add (local.get $sum) (i32.div_u (local.get $a) (local.get $b))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.add (local.get $sum) (i32.div_u (local.get $a) (local.get $b))))
  (func (export "counters") (param $p i32) (param $n i32) (result i32)
    (local $i i32) (local $j i32) (local $k i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (i32.store (i32.add (local.get $p) (local.get $j)) (local.get $k))
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (local.set $j (i32.add (local.get $j) (i32.const 4)))
      (local.set $k (i32.add (local.get $k) (local.get $n)))
      (br $next)))
    (i32.add (local.get $i) (i32.add (local.get $j) (local.get $k))))
)
;;= around after gvn
;;= func 0 -> (i32)
;;= b0(v0: i32, v1: i32, v2: i32):
;;=     v5 = const 0x0
;;=     v6 = cmp.eq v1, v5
;;=     trap_if integer-divide-by-zero v6
;;=     v7 = udiv v0, v1
;;=     jump b1(v5, v7)
;;= b1(v3: i32, v4: i32):
;;=     v8 = cmp.geu v3, v2
;;=     branch v8, b3(), b2()
;;= b2():
;;=     v13 = const 0x0
;;=     v14 = cmp.eq v1, v13
;;=     trap_if integer-divide-by-zero v14
;;=     v16 = add v4, v7
;;=     v17 = const 0x1
;;=     v18 = add v3, v17
;;=     jump b1(v18, v16)
;;= b3():
;;=     v9 = const 0x0
;;=     v10 = cmp.eq v1, v9
;;=     trap_if integer-divide-by-zero v10
;;=     v12 = add v4, v7
;;=     return v12
;;= counters after gvn
;;= func 1 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v5 = const 0x0
;;=     jump b1(v5, v5)
;;= b1(v2: i32, v4: i32):
;;=     v6 = cmp.geu v2, v1
;;=     branch v6, b3(), b2()
;;= b2():
;;=     v9 = add v0, v2
;;=     store.word +0x0 v9, v4
;;=     v10 = const 0x4
;;=     v11 = add v2, v10
;;=     v13 = add v4, v1
;;=     jump b1(v11, v13)
;;= b3():
;;=     v7 = add v2, v4
;;=     v8 = add v2, v7
;;=     return v8
