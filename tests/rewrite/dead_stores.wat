;;! function: record leave
;;! after: dead_store
;;! bounds: none

;; A word that is stored twice with a neighbour between; a store that a call sees, and one that a pointer may see. A global that is
;; given what it holds, as where an inlined callee leaves its frame and the next one enters.
(module
  (import "env" "tick" (func $tick))
  (memory 1)
  (global $top (mut i32) (i32.const 4096))
  (func (export "record") (param $p i32) (param $q i32) (param $v i32) (result i32)
    (local $seen i32)
    (i32.store offset=4 (local.get $p) (local.get $v))
    (i32.store offset=8 (local.get $p) (local.get $v))
    (i32.store offset=4 (local.get $p) (local.get $q))
    (call $tick)
    (i32.store offset=4 (local.get $p) (i32.const 1))
    (local.set $seen (i32.load (local.get $q)))
    (i32.store offset=4 (local.get $p) (i32.const 2))
    (local.get $seen))
  (func (export "leave") (param $p i32)
    (local $frame i32)
    (global.set $top (local.tee $frame (i32.sub (global.get $top) (i32.const 16))))
    (i32.store (local.get $frame) (local.get $p))
    (global.set $top (i32.add (local.get $frame) (i32.const 16)))
    (global.set $top (local.get $frame))
    (i32.store offset=4 (local.get $frame) (local.get $p))
    (global.set $top (i32.add (local.get $frame) (i32.const 16))))
)
;;= record after dead_store
;;= func 1 -> (i32)
;;= b0(v0: i32, v1: i32, v2: i32):
;;=     store.word +0x8 v0, v2
;;=     store.word +0x4 v0, v1
;;=     call 0
;;=     v3 = const 0x1
;;=     store.word +0x4 v0, v3
;;=     v4 = load.word +0x0 v1
;;=     v5 = const 0x2
;;=     store.word +0x4 v0, v5
;;=     return v4
;;= leave after dead_store
;;= func 2 -> ()
;;= b0(v0: i32):
;;=     v1 = global_get cell 0
;;=     v2 = const 0x10
;;=     v3 = sub v1, v2
;;=     store.word +0x0 v3, v0
;;=     v4 = add v3, v2
;;=     store.word +0x4 v3, v0
;;=     global_set cell 0 v4
;;=     return
