;;! function: clamp both nested truth
;;! after: if_convert
;;! bounds: none
;;! absent: call

;; Decisions about values: one, two at once, one within another, a truth value.
(module
  (func (export "clamp") (param $x i32) (result i32)
    (if (i32.lt_s (local.get $x) (i32.const 0)) (then (local.set $x (i32.const 0))))
    (if (i32.gt_s (local.get $x) (i32.const 255)) (then (local.set $x (i32.const 255))))
    (local.get $x))
  (func (export "both") (param $a i32) (param $b i32) (result i32)
    (local $t i32)
    (if (i32.lt_u (local.get $a) (local.get $b))
      (then (local.set $t (local.get $a)) (local.set $a (local.get $b)) (local.set $b (local.get $t))))
    (i32.sub (local.get $a) (local.get $b)))
  (func (export "nested") (param $a i32) (param $b i32) (result i32)
    (if (result i32) (local.get $a)
      (then (if (result i32) (local.get $b) (then (i32.const 4)) (else (local.get $a))))
      (else (local.get $b))))
  (func (export "truth") (param $a i32) (param $b i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $a) (local.get $b)) (then (i32.const 0)) (else (i32.const 1))))
)
;;= clamp after if_convert
;;= func 0 -> (i32)
;;= b0(v0: i32):
;;=     v3 = const 0x0
;;=     v4 = cmp.lts v0, v3
;;=     v5 = const 0x0
;;=     v10 = select v4, v5, v0
;;=     v6 = const 0xff
;;=     v7 = cmp.gts v10, v6
;;=     v8 = const 0xff
;;=     v9 = select v7, v8, v10
;;=     return v9
;;= both after if_convert
;;= func 1 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v4 = cmp.ltu v0, v1
;;=     v6 = select v4, v1, v0
;;=     v7 = cmp.ltu v0, v1
;;=     v8 = select v7, v0, v1
;;=     v5 = sub v6, v8
;;=     return v5
;;= nested after if_convert
;;= func 2 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v4 = const 0x4
;;=     v5 = select v1, v4, v0
;;=     v6 = select v0, v5, v1
;;=     return v6
;;= truth after if_convert
;;= func 3 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v3 = cmp.geu v0, v1
;;=     v4 = const 0x0
;;=     v5 = const 0x1
;;=     return v3
