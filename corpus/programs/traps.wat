;; Every trap an integer module can raise, each reachable on purpose and each with its quiet neighbour.
;; about: All integer traps: unreachable, division by zero, overflow, memory bounds, with state changed before the trap.
;; group: wasm
(module
  (memory (export "memory") 1 1)
  (global $progress (export "progress") (mut i32) (i32.const 0))

  (func $note (param $n i32)
    (global.set $progress (local.get $n))
    (i32.store (i32.const 16) (local.get $n)))

  (func (export "get_progress") (result i32) (global.get $progress))

  ;; Traps for odd arguments, after the state has changed.
  (func (export "trap_if_odd") (param $x i32) (result i32)
    (call $note (local.get $x))
    (if (i32.and (local.get $x) (i32.const 1)) (then unreachable))
    (i32.shl (local.get $x) (i32.const 1)))

  (func (export "div_s") (param i32 i32) (result i32)
    (call $note (i32.const 1)) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "div_u") (param i32 i32) (result i32)
    (call $note (i32.const 2)) (i32.div_u (local.get 0) (local.get 1)))
  (func (export "rem_s") (param i32 i32) (result i32)
    (call $note (i32.const 3)) (i32.rem_s (local.get 0) (local.get 1)))
  (func (export "rem_u") (param i32 i32) (result i32)
    (call $note (i32.const 4)) (i32.rem_u (local.get 0) (local.get 1)))
  (func (export "div64_s") (param i64 i64) (result i64)
    (call $note (i32.const 5)) (i64.div_s (local.get 0) (local.get 1)))
  (func (export "div64_u") (param i64 i64) (result i64)
    (call $note (i32.const 6)) (i64.div_u (local.get 0) (local.get 1)))
  (func (export "rem64_s") (param i64 i64) (result i64)
    (call $note (i32.const 7)) (i64.rem_s (local.get 0) (local.get 1)))
  (func (export "rem64_u") (param i64 i64) (result i64)
    (call $note (i32.const 8)) (i64.rem_u (local.get 0) (local.get 1)))

  ;; A quotient nobody uses still traps.
  (func (export "dead_division") (param i32 i32) (result i32)
    (drop (i32.div_s (local.get 0) (local.get 1)))
    (i32.const 7))
  ;; A load nobody uses still traps.
  (func (export "dead_load") (param i32) (result i32)
    (drop (i64.load (local.get 0)))
    (i32.const 7))
  ;; The address is taken modulo nothing: offset plus address may exceed 32 bits. Address 99 is not loaded from.
  (func (export "load_far") (param i32) (result i32)
    (if (result i32) (i32.eq (local.get 0) (i32.const 99))
      (then (i32.const -1))
      (else (i32.load8_u offset=0xfffffff0 (local.get 0)))))
  (func (export "load16") (param i32) (result i32)
    (i32.load16_s offset=3 align=1 (local.get 0)))
  (func (export "load64") (param i32) (result i64)
    (i64.load offset=8 align=1 (local.get 0)))
  ;; A store that sticks out writes nothing at all.
  (func (export "store64") (param i32 i64)
    (i64.store align=1 (local.get 0) (local.get 1)))
  ;; Two stores: the first stays when the second traps.
  (func (export "store_twice") (param $a i32) (param $b i32)
    (i32.store (local.get $a) (i32.const 0x11223344))
    (i32.store (local.get $b) (i32.const 0x55667788)))
  ;; Which trap comes first: the division's, before the memory's.
  (func (export "trap_order") (param i32 i32) (result i32)
    (i32.load (i32.div_u (local.get 0) (local.get 1)))))
