;; What the faults of the removal of induction variables break: loops with two variables.
(module
  (memory (export "memory") 1)

  ;; A counter beside two addresses.
  (func (export "copy") (param $to i32) (param $from i32) (param $n i32)
    (if (local.get $n) (then (loop $next
      (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
      (local.set $to (i32.add (local.get $to) (i32.const 1)))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))))

  ;; The address goes on by 1, 2 or 3.
  (func (export "skip") (param $p i32) (param $n i32) (result i32)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $n)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (block $c (block $b (block $a
        (br_table $a $b $c (i32.load8_u (local.get $p))))
        (local.set $p (i32.add (local.get $p) (i32.const 1)))
        (br $next))
        (i32.store8 (local.get $p) (i32.const 7))
        (local.set $p (i32.add (local.get $p) (i32.const 2)))
        (br $next))
      (i32.store8 (local.get $p) (i32.const 9))
      (local.set $p (i32.add (local.get $p) (i32.const 3)))
      (br $next)))
    (local.get $p))

  ;; A counter that is compared for order: the sum of start and length may wrap around.
  (func (export "sum") (param $seed i32) (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.xor (i32.mul (local.get $sum) (i32.const 31)) (local.get $seed)))
      (local.set $seed (i32.add (local.get $seed) (i32.const 1)))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum))

  ;; A counter whose last value is a result.
  (func (export "fill") (param $p i32) (param $skip i32) (result i32)
    (local $i i32)
    (block $done (result i32)
      (drop (br_if $done (i32.const 3) (local.get $skip)))
      (loop $next (result i32)
        (i32.store8 (local.get $p) (i32.const 1))
        (local.set $p (i32.add (local.get $p) (i32.const 1)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (drop (br_if $done (local.get $i) (i32.eq (local.get $i) (i32.const 10))))
        (br $next))))

  ;; An address that is four times the index, and used behind its step.
  (func (export "table") (param $v i32)
    (local $i i32) (local $p i32)
    (local.set $p (i32.const 8188))
    (loop $next
      (local.set $p (i32.add (local.get $p) (i32.const 4)))
      (i32.store (local.get $p) (i32.mul (local.get $i) (local.get $v)))
      (br_if $next (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 28)))))
)
