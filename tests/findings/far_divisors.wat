(module
  ;; A modulus that is tested once, before the loop that divides by it: at the loop's head the code knows nothing of it.
  (func (export "power") (param $b i64) (param $e i64) (param $m i64) (result i64)
    (local $r i64)
    (local.set $r (i64.rem_u (i64.const 1) (local.get $m)))
    (local.set $b (i64.rem_u (local.get $b) (local.get $m)))
    (block $done
      (loop $bits
        (br_if $done (i64.eqz (local.get $e)))
        (if (i32.wrap_i64 (i64.and (local.get $e) (i64.const 1)))
          (then (local.set $r (i64.rem_u (i64.mul (local.get $r) (local.get $b)) (local.get $m)))))
        (local.set $b (i64.rem_u (i64.mul (local.get $b) (local.get $b)) (local.get $m)))
        (local.set $e (i64.shr_u (local.get $e) (i64.const 1)))
        (br $bits)))
    (local.get $r))
  ;; Quotient, then remainder, on two ways that meet between them.
  (func (export "checked") (param $a i64) (param $b i64) (param $up i32) (result i64)
    (local $q i64)
    (if (i64.eqz (local.get $b)) (then (return (i64.const -1))))
    (if (i64.eq (local.get $b) (i64.const -1)) (then (return (i64.const -2))))
    (local.set $q (i64.div_s (local.get $a) (local.get $b)))
    (if (local.get $up) (then (local.set $q (i64.add (local.get $q) (i64.const 1)))))
    (i64.xor (local.get $q) (i64.rem_s (local.get $a) (local.get $b)))))
