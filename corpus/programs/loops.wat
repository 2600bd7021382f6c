;; Loops of shapes that a C compiler seldom writes: two exits, loops in loops sharing a header, dead code, values kept over them.
;; about: Structured control: nested loops with several exits, loop results, branches out of depth, unreachable code, tee.
;; group: wasm
(module
  (memory (export "memory") 1)
  ;; A loop with a result and two exits.
  (func (export "find_zero") (param $at i32) (param $limit i32) (result i32)
    (block $found (result i32)
      (drop
        (loop $next (result i32)
          (drop (br_if $found (local.get $at) (i32.eqz (i32.load8_u (local.get $at)))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $at) (local.get $limit)))
          (i32.const -1)))
      (i32.const -2)))
  ;; Two counters in nested loops, the inner one left from depth two.
  (func (export "pairs") (param $sum i32) (param $n i32) (result i32)
    (local $i i32) (local $j i32) (local $count i32)
    (local.set $n (i32.and (local.get $n) (i32.const 63)))
    (block $out
      (loop $outer
        (br_if $out (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $j (local.get $i))
        (block $skip
          (loop $inner
            (br_if $skip (i32.ge_u (local.get $j) (local.get $n)))
            (if (i32.eq (i32.add (local.get $i) (local.get $j)) (local.get $sum))
              (then (local.set $count (i32.add (local.get $count) (i32.const 1))) (br $skip)))
            (br_if $out (i32.gt_u (local.get $count) (i32.const 20)))
            (local.set $j (i32.add (local.get $j) (i32.const 1)))
            (br $inner)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $outer)))
    (local.get $count))
  ;; Two values rotate through a loop: a parallel move at the back edge.
  (func (export "rotate_values") (param $a i32) (param $b i32) (param $c i32) (param $n i32) (result i32)
    (local $t i32)
    (local.set $n (i32.and (local.get $n) (i32.const 255)))
    (loop $again
      (if (local.get $n)
        (then
          (local.set $t (local.get $a))
          (local.set $a (local.get $b))
          (local.set $b (local.get $c))
          (local.set $c (i32.add (local.get $t) (local.get $n)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $again))))
    (i32.xor (local.get $a) (i32.xor (i32.rotl (local.get $b) (i32.const 8)) (i32.rotl (local.get $c) (i32.const 16)))))
  ;; Code after an unconditional branch is validated, never run.
  (func (export "dead_code") (param i32) (result i32)
    (block $out (result i32)
      (br $out (i32.add (local.get 0) (i32.const 1)))
      (i32.div_u (i32.const 1) (i32.const 0))))
  ;; The value under a test is kept on the operand stack across a loop.
  (func (export "sum_triangle") (param $n i32) (result i64)
    (local $s i64)
    (local.set $n (i32.and (local.get $n) (i32.const 1023)))
    (i64.extend_i32_u (local.get $n))
    (loop $again
      (local.set $s (i64.add (local.get $s) (i64.extend_i32_u (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.and (i32.ne (local.get $n) (i32.const 0)) (i32.const 1))))))
    (i64.add (local.get $s)))
  ;; Old value read before local.tee changes it.
  (func (export "old_and_new") (param $x i32) (result i32)
    (i32.sub (local.get $x) (i32.add (local.tee $x (i32.mul (local.get $x) (i32.const 3))) (local.get $x)))))
