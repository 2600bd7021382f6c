;;! target: cortex-m4
;;! bounds: software
;;! module: proved/loop_trip_count.wat
;;! verdict: not-proved
;; The twin of loop_trip_count that does not end for one input.
(module
  (memory 1)
  (func (export "sum") (param $n i32) (result i32) (local $i i32) (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $sum (i32.add (local.get $sum) (local.get $i)))
        (i32.store (i32.const 16) (local.get $sum))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (loop $forever (br_if $forever (i32.eq (local.get $n) (i32.const 3))))
    (local.get $sum)))
