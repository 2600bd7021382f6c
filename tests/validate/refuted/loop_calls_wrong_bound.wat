;;! target: cortex-m4
;;! bounds: software
;;! module: proved/loop_calls.wat
;; The twin of loop_calls that runs once too often or too seldom.
(module
  (import "env" "send" (func $send (param i32) (result i32)))
  (memory 1)
  (func (export "send_all") (param $at i32) (param $n i32) (result i32) (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.lt_u (local.get $n) (i32.const 2)))
        (local.set $sum (i32.add (local.get $sum) (call $send (i32.load (local.get $at)))))
        (i32.store (i32.const 0) (local.get $sum))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (local.get $sum)))
