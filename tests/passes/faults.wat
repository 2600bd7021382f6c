;; A module in which each fault of a pass finds something to break. Names say what is in it.
(module
  (memory (export "memory") 1)
  (global $limit (mut i32) (i32.const 16))
  (global $count (mut i32) (i32.const 0))

  (func $difference (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.sub)

  (func $clamp (param $x i32) (result i32)
    (if (i32.gt_s (local.get $x) (i32.const 100)) (then (return (i32.const 100))))
    (i32.add (local.get $x) (i32.const 1)))

  ;; A difference and an early return, inlined.
  (func (export "distance") (param i32 i32) (result i32)
    (i32.mul (call $clamp (call $difference (local.get 0) (local.get 1))) (i32.const 3)))

  ;; Checks of one index in a row, with a store between some of them.
  (func (export "record") (param $p i32) (param $v i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.load (local.get $p)))
    (i32.store offset=4 (local.get $p) (local.get $v))
    (i32.add (local.get $sum) (i32.load offset=8 (local.get $p))))

  ;; Checks on one path only, and one with a greater end below a smaller one.
  (func (export "either") (param $p i32) (param $which i32) (result i32)
    (local $sum i32)
    (if (local.get $which)
      (then (local.set $sum (i32.load offset=16 (local.get $p))))
      (else (global.set $count (local.get $which))))
    (i32.add (local.get $sum) (i32.load offset=16 (local.get $p))))
  (func (export "wider") (param $p i32) (param $n i32) (result i32)
    (local $first i32)
    (local.set $first (i32.load (local.get $p)))
    (if (local.get $n) (then (i32.store offset=32 (local.get $p) (local.get $first))))
    (i32.load offset=36 (local.get $p)))
  (func (export "again") (param $p i32) (param $n i32) (result i32)
    (local $first i32)
    (local.set $first (i32.load offset=8 (local.get $p)))
    (if (local.get $n) (then (global.set $count (i32.load offset=4 (local.get $p)))))
    (local.get $first))

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
