;; What the faults of global value numbering break.
(module
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))

  ;; Products of the same words on both sides of a loop, and differences of exchanged ones.
  (func (export "around") (param $a i32) (param $b i32) (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (local.set $sum (i32.div_u (local.get $a) (i32.const 7)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $sum (i32.add (local.get $sum) (i32.div_u (local.get $a) (i32.const 7))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.add (local.get $sum) (i32.mul (local.get $b) (i32.div_u (local.get $a) (i32.const 7)))))
  (func (export "difference") (param $a i32) (param $b i32) (result i32)
    (i32.store (i32.const 16) (i32.sub (local.get $a) (local.get $b)))
    (if (i32.load (i32.const 32)) (then (global.set $count (i32.const 1))))
    (i32.sub (local.get $b) (local.get $a)))
  (func (export "order") (param $a i32) (param $b i32) (result i32)
    (i32.store (i32.const 16) (i32.lt_u (local.get $a) (local.get $b)))
    (if (i32.load (i32.const 32)) (then (global.set $count (i32.const 1))))
    (i32.lt_s (local.get $a) (local.get $b)))

  ;; Words of a loop that begin alike: two that stay equal, one that does not.
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

  ;; A load on both sides of a store.
  (func (export "reload") (param $p i32) (param $q i32) (result i32)
    (local $first i32)
    (local.set $first (i32.load (local.get $p)))
    (i32.store (local.get $q) (i32.const 1))
    (i32.add (local.get $first) (i32.load (local.get $p))))
)
