;; What the faults of ranges break: ends that are included, signs, other sides of branches, loops, scaled indices.
(module
  (memory (export "memory") 1)

  ;; The last word is the one before the limit.
  (func (export "up_to") (param $i i32) (result i32)
    (if (result i32) (i32.le_u (local.get $i) (i32.const 16384))
      (then (i32.load (i32.shl (local.get $i) (i32.const 2))))
      (else (i32.const 0))))

  ;; Negative indices are below the limit, and outside.
  (func (export "signed") (param $i i32) (result i32)
    (if (result i32) (i32.lt_s (local.get $i) (i32.const 16))
      (then (i32.load8_u (local.get $i)))
      (else (i32.const 0))))

  ;; Only one side of the branch is bounded.
  (func (export "sides") (param $i i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $i) (i32.const 64))
      (then (i32.load (i32.shl (local.get $i) (i32.const 2))))
      (else (i32.load8_u (local.get $i)))))

  ;; A loop without a bound, and one with.
  (func (export "sum") (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.ne (local.get $i) (local.get $n))))
    (local.get $sum))
  (func (export "sum_some") (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (local.set $n (i32.and (local.get $n) (i32.const 63)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $sum (i32.add (local.get $sum) (i32.load offset=1024 (i32.shl (local.get $i) (i32.const 2)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (local.get $sum))

  ;; The scaled index wraps.
  (func (export "scaled") (param $i i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $i) (i32.const 0x40000010))
      (then (i32.load (i32.shl (local.get $i) (i32.const 2))))
      (else (i32.const 0))))
)
