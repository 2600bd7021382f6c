;; What the faults of rotation break: tests of words that the loop changes, loops that are left at once, words used behind the loop.
(module
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))

  (func (export "copy") (param $to i32) (param $from i32) (param $n i32) (result i32)
    (local $i i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (i32.store8 (i32.add (local.get $to) (local.get $i)) (i32.load8_u (i32.add (local.get $from) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (local.get $i))

  ;; Loops in a loop, with ways out and around.
  (func (export "pairs") (param $n i32) (result i32)
    (local $i i32) (local $j i32) (local $sum i32)
    (block $done (loop $outer
      (br_if $done (i32.ge_s (local.get $i) (local.get $n)))
      (local.set $j (i32.const 0))
      (block $inner_done (loop $inner
        (br_if $inner_done (i32.ge_s (local.get $j) (local.get $i)))
        (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get $i) (local.get $j))))
        (if (i32.gt_s (local.get $sum) (i32.const 1000)) (then (return (local.get $j))))
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br $inner)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $outer)))
    (i32.add (local.get $sum) (local.get $j)))
)
