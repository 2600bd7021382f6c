;; What the faults of dead parameters break. The handler is too large to be inlined, and does not look at its context.
(module
  (import "env" "note" (func $note (param i32 i32)))
  (import "env" "now" (func $now (result i32)))
  (memory (export "memory") 1)
  (type $handler (func (param i32 i32 i64) (result i32)))
  (table 1 funcref)
  (elem (i32.const 0) $handle)

  (func $handle (export "handle") (type $handler) (param $event i32) (param $context i32) (param $time i64) (result i32)
    (local $sum i32)
    (local.set $sum (i32.load (i32.const 64)))
    (if (i32.gt_u (local.get $event) (i32.const 9))
      (then (local.set $sum (i32.rotl (i32.add (local.get $sum) (local.get $event)) (i32.const 5))))
      (else (local.set $sum (i32.mul (i32.xor (local.get $sum) (local.get $event)) (i32.const 31)))))
    (i32.store (i32.const 64) (local.get $sum))
    (i32.store (i32.const 68) (i32.add (i32.load (i32.const 68)) (i32.const 1)))
    (i32.store (i32.const 72) (i32.sub (i32.load (i32.const 72)) (local.get $event)))
    (i32.and (local.get $sum) (i32.const 0xff)))

  ;; Context and time are computed for nothing, the event is not. One context comes out of a loop.
  (func (export "post") (param $at i32) (param $n i32) (result i32)
    (local $context i32)
    (loop $next
      (local.set $context (i32.add (i32.mul (local.get $context) (i32.const 40)) (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add
      (call $handle (i32.xor (local.get $at) (i32.const 3)) (local.get $context)
        (i64.mul (i64.extend_i32_u (local.get $at)) (i64.const 1000)))
      (call $handle (i32.add (local.get $at) (i32.const 1)) (call $now) (i64.const 0))))

  ;; What an import and a table entry are given counts.
  (func (export "other") (param $at i32) (param $time i64) (result i32)
    (call $note (local.get $at) (i32.mul (local.get $at) (i32.const 3)))
    (call_indirect (type $handler) (local.get $at) (i32.add (local.get $at) (i32.const 5))
      (i64.add (local.get $time) (i64.const 7)) (i32.const 0)))
)
