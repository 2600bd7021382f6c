;; What the faults of if-conversion break: one value selected, two values, an arm that stores, an arm that may trap.
(module
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))

  (func (export "clamp") (param $x i32) (param $high i32) (result i32)
    (if (result i32) (i32.gt_s (local.get $x) (local.get $high))
      (then (local.get $high))
      (else (i32.add (local.get $x) (i32.const 1)))))

  ;; A wide value, of which both halves are selected, and a second decision behind it.
  (func (export "wider") (param $a i64) (param $b i64) (param $n i32) (result i64)
    (local $m i64)
    (local.set $m (local.get $b))
    (if (i32.lt_u (local.get $n) (i32.const 10)) (then (local.set $m (local.get $a))))
    (if (result i64) (i32.eq (local.get $n) (i32.const 3)) (then (i64.const 0x100000002)) (else (local.get $m))))

  ;; An arm with a store that an earlier one has checked, and one that bounds or a divisor may stop.
  (func (export "stored") (param $p i32) (param $v i32) (result i32)
    (local $n i32)
    (local.set $n (local.get $v))
    (i32.store (local.get $p) (local.get $v))
    (if (i32.lt_u (local.get $v) (i32.const 100))
      (then (i32.store (local.get $p) (local.get $p)) (local.set $n (local.get $p))))
    (local.get $n))
  (func (export "divided") (param $a i32) (param $b i32) (result i32)
    (local $n i32)
    (if (i32.gt_u (local.get $a) (i32.const 1000))
      (then (drop (i32.div_u (local.get $a) (local.get $b))) (local.set $n (local.get $b))))
    (local.get $n))
)
