;;! target: cortex-m4
;;! bounds: software
;; A local that holds a constant where ways meet, and is used as an amount only, which the builder takes in: the value itself is never used.
(module
  (func (export "f") (param i32 i64) (result i32) (local $k i32) (local $x i32) (local $d i64)
    (local.set $k (i32.const 54))
    (local.set $d (i64.const 7))
    (block $b
      (br_if $b (local.get 0))
      (local.set $x (i32.const 9)))
    (i32.add (local.get $x)
      (i32.add
        (i32.rotl (i32.shr_s (local.get 0) (local.get $k)) (local.get $k))
        (i32.wrap_i64 (i64.div_u (local.get 1) (local.get $d)))))))
