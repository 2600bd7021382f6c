;; What the faults of forwarding break.
(module
  (import "env" "tick" (func $tick))
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))

  ;; A store through another pointer, and one that overlaps, between two loads.
  (func (export "aliased") (param $p i32) (param $q i32) (result i32)
    (local $first i32)
    (local.set $first (i32.load (local.get $p)))
    (i32.store (local.get $q) (i32.const 7))
    (i32.add (local.get $first) (i32.load (local.get $p))))
  (func (export "overlapping") (param $p i32) (param $v i32) (result i32)
    (i32.store (local.get $p) (local.get $v))
    (i32.store8 offset=2 (local.get $p) (i32.const 9))
    (i32.load (local.get $p)))
  (func (export "narrow") (param $p i32) (param $v i32) (result i32)
    (i32.store (local.get $p) (local.get $v))
    (i32.add (i32.load8_s (local.get $p)) (i32.load16_u (local.get $p))))
  (func (export "narrower") (param $p i32) (param $v i32) (result i32)
    (i32.store8 (local.get $p) (local.get $v))
    (i32.load8_u (local.get $p)))

  ;; A call that may write both.
  (func (export "called") (param $p i32) (result i32)
    (local $first i32)
    (local.set $first (i32.add (i32.load (local.get $p)) (global.get $count)))
    (call $tick)
    (i32.add (local.get $first) (i32.add (i32.load (local.get $p)) (global.get $count))))

  ;; A place that one of two edges writes, and one that a loop writes; one that both leave alone.
  (func (export "either") (param $p i32) (param $which i32) (result i32)
    (local $first i32)
    (local.set $first (i32.load (local.get $p)))
    (if (local.get $which)
      (then (i32.store (local.get $p) (local.get $which)))
      (else (i32.store offset=8 (local.get $p) (i32.const 1))))
    (i32.add (local.get $first) (i32.load (local.get $p))))
  (func (export "sum") (param $p i32) (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (i32.store (local.get $p) (i32.const 0))
    (i32.store offset=4 (local.get $p) (local.get $n))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (i32.load offset=4 (local.get $p))))
      (i32.store (local.get $p) (i32.add (i32.load (local.get $p)) (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.load (local.get $p)))
)
