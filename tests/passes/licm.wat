;; What the faults of code motion break: loops, a dispatch, a guarded division.
(module
  (memory (export "memory") 1)
  (global $limit (mut i32) (i32.const 16))
  (global $count (mut i32) (i32.const 0))

  ;; Loops with an invariant product, a guarded load, a global that they write.
  (func (export "scale") (param $p i32) (param $n i32) (param $a i32) (param $b i32)
    (local $i i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (i32.store (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 2)))
        (i32.mul (i32.mul (local.get $a) (local.get $b)) (i32.add (local.get $i) (global.get $limit))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))))
  (func (export "search") (param $p i32) (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $p))))
      (i32.store (local.get $p) (i32.add (local.get $sum) (global.get $count)))
      (global.set $count (i32.mul (local.get $i) (local.get $n)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (local.get $sum))

  ;; An assignment below a dispatch, a division below its guard.
  (func (export "dispatch") (param $kind i32) (param $v i32) (result i32)
    (block $c (block $b (block $a
      (br_table $a $b $c (local.get $kind)))
      (global.set $count (local.get $v))
      (return (i32.const 1)))
      (i32.store (i32.const 64) (local.get $v))
      (return (i32.const 2)))
    (i32.const 3))
  (func (export "ratio") (param $a i32) (param $b i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $a) (i32.const 1000))
      (then (i32.div_u (local.get $a) (local.get $b)))
      (else (i32.const 0))))
)
