;; br_table in its shapes: forward, into a loop, carrying values, with one target only, and with a large table.
;; about: br_table with carried values, loop targets, duplicate targets, default only, and a state machine of the loop kind.
;; group: wasm
(module
  (memory (export "memory") 1)
  (func (export "month_days") (param $month i32) (param $leap i32) (result i32)
    (block $bad
      (block $short (block $thirty (block $long
        (br_table $bad $long $short $long $thirty $long $thirty $long $long $thirty $long $thirty $long $bad (local.get $month)))
        (return (i32.const 31)))
        (return (i32.const 30)))
      (return (select (i32.const 29) (i32.const 28) (local.get $leap))))
    (i32.const -22))
  ;; The operand on the stack travels through the table.
  (func (export "carry") (param $index i32) (param $value i32) (result i32)
    (block $c (result i32)
      (i32.add (i32.const 1)
        (block $b (result i32)
          (i32.mul (i32.const 3)
            (block $a (result i32)
              (local.get $value) (local.get $index)
              (br_table $a $b $c $a)))))))
  (func (export "carry64") (param $index i32) (param $value i64) (result i64)
    (block $b (result i64)
      (i64.xor (i64.const -1)
        (block $a (result i64)
          (br_table $a $b $a (local.get $value) (i32.sub (local.get $index) (i32.const 10)))))))
  (func (export "default_only") (param i32) (result i32)
    (block $d (br_table $d (local.get 0)))
    (i32.const 42))
  ;; Counts vowels, digits and others in the bytes at `from`; a loop is one of the targets.
  (func (export "scan") (param $from i32) (param $size i32) (result i32)
    (local $end i32) (local $counts i32) (local $c i32)
    (local.set $end (i32.add (local.get $from) (i32.and (local.get $size) (i32.const 255))))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $from) (local.get $end)))
        (local.set $c (i32.load8_u (local.get $from)))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (block $digit (block $vowel (block $letter
          (br_if $digit (i32.lt_u (i32.sub (local.get $c) (i32.const 48)) (i32.const 10)))
          (br_table $vowel $letter $letter $letter $vowel $letter $letter $letter $vowel $letter $letter $letter
                    $letter $letter $vowel $letter $letter $letter $letter $letter $vowel $letter $next
            (i32.sub (i32.or (local.get $c) (i32.const 32)) (i32.const 97))))
          (local.set $counts (i32.add (local.get $counts) (i32.const 0x10000)))
          (br $next))
          (local.set $counts (i32.add (local.get $counts) (i32.const 1)))
          (br $next))
        (local.set $counts (i32.add (local.get $counts) (i32.const 0x100)))
        (br $next)))
    (local.get $counts))
  ;; A state machine driven by two bits an event; a branch to the function's own label returns a value.
  (func (export "machine") (param $events i32) (result i32)
    (local $state i32) (local $n i32)
    (loop $run
      (if (i32.ge_u (local.get $n) (i32.const 16)) (then (return (local.get $state))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (block $s3 (block $s2 (block $s1 (block $s0
        (br_table $s0 $s1 $s2 $s3 (i32.and (local.get $events) (i32.const 3))))
        (local.set $state (i32.add (local.get $state) (i32.const 1))) (local.set $events (i32.shr_u (local.get $events) (i32.const 2))) (br $run))
        (local.set $state (i32.shl (local.get $state) (i32.const 1))) (local.set $events (i32.shr_u (local.get $events) (i32.const 2))) (br $run))
        (local.set $state (i32.xor (local.get $state) (i32.const 0x55))) (local.set $events (i32.shr_u (local.get $events) (i32.const 2))) (br $run))
      (local.set $events (i32.shr_u (local.get $events) (i32.const 2)))
      (br_if $run (i32.and (local.get $state) (i32.const 1))))
    (i32.sub (i32.const 0) (local.get $state))))
