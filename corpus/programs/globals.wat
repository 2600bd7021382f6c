;; Mutable globals of both widths, exported and hidden, an imported constant one, and a start function that sets them.
;; about: Mutable i32 and i64 globals, an imported immutable global, initialisers, a start function, calls between accesses.
;; group: wasm
(module
  (import "env" "peripheral_base" (global $base i32))
  (import "env" "notify" (func $notify (param i32 i64) (result i32)))
  (memory (export "memory") 1)
  (global $ticks (mut i64) (i64.const -2))
  (global $state (export "state") (mut i32) (i32.const 0))
  (global $limit i32 (i32.const 1000))
  (global $wide_limit (export "wide_limit") i64 (i64.const 0x0123456789abcdef))
  (global $seed (mut i32) (i32.const 0))
  (start $begin)
  (func $begin
    (global.set $seed (i32.const 0x2545f491))
    (i32.store (i32.const 0) (i32.const 0x600df00d)))
  ;; The tick counter wraps from its highest values to zero in the first calls.
  (func (export "tick") (result i64)
    (global.set $ticks (i64.add (global.get $ticks) (i64.const 1)))
    (global.get $ticks))
  (func (export "set_state") (param i32) (result i32)
    (global.get $state)
    (global.set $state (select (local.get 0) (global.get $limit) (i32.lt_u (local.get 0) (global.get $limit)))))
  (func $random (export "random") (result i32)
    (global.set $seed (i32.xor (global.get $seed) (i32.shl (global.get $seed) (i32.const 13))))
    (global.set $seed (i32.xor (global.get $seed) (i32.shr_u (global.get $seed) (i32.const 17))))
    (global.set $seed (i32.xor (global.get $seed) (i32.shl (global.get $seed) (i32.const 5))))
    (global.get $seed))
  ;; The global is read before and after a call that changes it: the two reads must not be merged.
  (func (export "random_difference") (result i32)
    (i32.sub (global.get $seed) (i32.add (call $random) (i32.const 0))))
  (func (export "has_base") (result i32) (i32.ne (global.get $base) (i32.const 0)))
  ;; The host sees the state as it is at the call.
  (func (export "report") (param i32) (result i32)
    (global.set $state (local.get 0))
    (drop (call $notify (global.get $state) (global.get $ticks)))
    (global.set $state (i32.add (global.get $state) (i32.const 1)))
    (i32.and (call $notify (global.get $state) (global.get $wide_limit)) (i32.const 1)))
  (func (export "get_state") (result i32) (global.get $state)))
