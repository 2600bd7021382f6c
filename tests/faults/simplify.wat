;; What faults of simplification do that no program of the corpus shows.
(module
  ;; simplify-signed-words: times of 32 bits compared as 64: those from 2^31 on are later, not negative.
  (func (export "has_passed") (param $now i32) (param $deadline i32) (result i32)
    (i64.ge_s (i64.extend_i32_u (local.get $now)) (i64.extend_i32_u (local.get $deadline))))
  (func (export "earlier") (param $a i32) (param $b i32) (result i32)
    (select (local.get $a) (local.get $b)
      (i64.lt_s (i64.extend_i32_u (local.get $a)) (i64.extend_i32_u (local.get $b)))))

  ;; simplify-shift-wraps: an amount that is known only once its sum is folded; the general form of a shift of 64 bits has shifts by
  ;; 32 and more in it, which leave nothing of a word.
  (func (export "place_field") (param $field i64) (result i64)
    (i64.shl (local.get $field) (i64.add (i64.const 3) (i64.const 4))))
  (func (export "upper_field") (param $register i64) (result i64)
    (i64.shr_u (local.get $register) (i64.add (i64.const 32) (i64.const 8))))

  ;; simplify-case: a dispatch on a state that is known where the step is made.
  (func (export "from_running") (param $event i32) (result i32)
    (block $default
      (block $stopped
        (block $running
          (block $idle
            (br_table $idle $running $stopped $default (i32.const 1)))
          (return (i32.const 1000)))
        (return (i32.add (local.get $event) (i32.const 2000))))
      (return (i32.sub (i32.const 3000) (local.get $event))))
    (i32.const -1)))
