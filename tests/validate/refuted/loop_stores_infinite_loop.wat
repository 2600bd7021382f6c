;;! target: cortex-m4
;;! bounds: software
;;! module: proved/loop_stores.wat
;;! verdict: not-proved
;; The twin of loop_stores that does not end for one input.
(module
  (memory 1)
  (global $copied (mut i32) (i32.const 0))
  (func (export "copy") (param $to i32) (param $from i32) (param $n i32)
    (loop $next
      (if (local.get $n)
        (then
          (i64.store (local.get $to) (i64.load (local.get $from)))
          (local.set $to (i32.add (local.get $to) (i32.const 8)))
          (local.set $from (i32.add (local.get $from) (i32.const 8)))
          (global.set $copied (i32.add (global.get $copied) (i32.const 1)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (loop $forever (br_if $forever (i32.eq (local.get $from) (i32.const 8))))
          (br $next))))))
