;;! function: update head sum
;;! after: forward
;;! bounds: none

;; What a store has made known: a word, a byte extended, a global; not what another pointer may have written. A place known around a loop.
(module
  (memory 1)
  (global $top (mut i32) (i32.const 4096))
  (func (export "update") (param $p i32) (param $v i32) (result i32)
    (i32.store offset=4 (local.get $p) (local.get $v))
    (i32.store8 offset=8 (local.get $p) (local.get $v))
    (i32.add (i32.load offset=4 (local.get $p)) (i32.load8_s offset=8 (local.get $p))))
  (func (export "head") (param $q i32) (result i32)
    (local $first i32)
    (global.set $top (i32.add (global.get $top) (i32.const 8)))
    (local.set $first (i32.load (global.get $top)))
    (i32.store (local.get $q) (global.get $top))
    (i32.add (local.get $first) (i32.load (global.get $top))))
  (func (export "sum") (param $p i32) (param $n i32) (result i32)
    (local $i i32)
    (i32.store (local.get $p) (i32.const 0))
    (i32.store offset=4 (local.get $p) (local.get $n))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (i32.load offset=4 (local.get $p))))
      (i32.store (local.get $p) (i32.add (i32.load (local.get $p)) (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.load (local.get $p)))
)
;;= update after forward
;;= func 0 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     store.word +0x4 v0, v1
;;=     store.byte +0x8 v0, v1
;;=     v3 = sext8 v1
;;=     v4 = add v1, v3
;;=     return v4
;;= head after forward
;;= func 1 -> (i32)
;;= b0(v0: i32):
;;=     v1 = global_get cell 0
;;=     v2 = const 0x8
;;=     v3 = add v1, v2
;;=     global_set cell 0 v3
;;=     v5 = load.word +0x0 v3
;;=     store.word +0x0 v0, v3
;;=     v8 = load.word +0x0 v3
;;=     v9 = add v5, v8
;;=     return v9
;;= sum after forward
;;= func 2 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v3 = const 0x0
;;=     store.word +0x0 v0, v3
;;=     store.word +0x4 v0, v1
;;=     jump b1(v3)
;;= b1(v2: i32):
;;=     v5 = cmp.geu v2, v1
;;=     branch v5, b3(), b2()
;;= b2():
;;=     v7 = load.word +0x0 v0
;;=     v8 = add v7, v2
;;=     store.word +0x0 v0, v8
;;=     v9 = const 0x1
;;=     v10 = add v2, v9
;;=     jump b1(v10)
;;= b3():
;;=     v6 = load.word +0x0 v0
;;=     return v6
