;; What the faults of constant propagation break: joins, comparisons, a trap that is always taken, a dispatch.
(module
  (memory (export "memory") 1)

  ;; A local that is 1 on one path and 2 on the other, and one that is 3 on both.
  (func (export "joined") (param $p i32) (result i32)
    (local $a i32) (local $b i32)
    (if (local.get $p)
      (then (local.set $a (i32.const 1)) (local.set $b (i32.const 3)) (i32.store (local.get $p) (local.get $p)))
      (else (local.set $a (i32.const 2)) (local.set $b (i32.const 3)) (i32.store offset=4 (local.get $p) (local.get $p))))
    (i32.add (i32.mul (local.get $a) (i32.const 100)) (i32.shl (local.get $b) (local.get $b))))

  ;; What a comparison says of its operand where it holds, and not where it does not.
  (func (export "compared") (param $n i32) (param $p i32)
    (if (i32.eq (local.get $n) (i32.const 7))
      (then (i32.store (local.get $p) (i32.mul (local.get $n) (local.get $n))))
      (else (i32.store offset=4 (local.get $p) (i32.mul (local.get $n) (local.get $n))))))

  ;; A divisor that is zero on every path that can be taken.
  (func (export "divided") (param $n i32) (param $p i32) (result i32)
    (local $divisor i32) (local $i i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (i32.store (local.get $p) (local.get $i))
      (if (local.get $divisor) (then (local.set $divisor (i32.const 9))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (if (i32.gt_u (local.get $n) (i32.const 3)) (then (drop (i32.div_u (local.get $n) (local.get $divisor)))))
    (i32.const 4))

  ;; The index of a dispatch in its cases.
  (func (export "dispatched") (param $kind i32) (param $p i32)
    (block $other (block $two (block $one (block $zero
      (br_table $zero $one $two $other (local.get $kind)))
      (i32.store (local.get $p) (i32.add (local.get $kind) (i32.const 10)))
      (return))
      (i32.store (local.get $p) (i32.mul (local.get $kind) (local.get $kind)))
      (return))
      (i32.store8 (local.get $p) (local.get $kind))
      (return))
    (i32.store16 (local.get $p) (local.get $kind)))
)
