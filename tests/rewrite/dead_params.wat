;;! function: post
;;! bounds: none
;;! after: dead_params
;;! absent: mul

;; The handler does not look at its context: the index arithmetic that made it is gone.
(module
  (memory (export "memory") 1)
  (func $handle (export "handle") (param $event i32) (param $context i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.load (i32.const 64)))
    (if (i32.gt_u (local.get $event) (i32.const 9))
      (then (local.set $sum (i32.rotl (i32.add (local.get $sum) (local.get $event)) (i32.const 5))))
      (else (local.set $sum (i32.xor (i32.sub (local.get $sum) (local.get $event)) (i32.const 31)))))
    (i32.store (i32.const 64) (local.get $sum))
    (i32.store (i32.const 68) (i32.add (i32.load (i32.const 68)) (i32.const 1)))
    (i32.store (i32.const 72) (i32.sub (i32.load (i32.const 72)) (local.get $event)))
    (i32.and (local.get $sum) (i32.const 0xff)))
  (func $post (export "post") (param $event i32) (param $slot i32) (result i32)
    (call $handle (local.get $event)
      (i32.add (i32.const 1024) (i32.mul (i32.and (local.get $slot) (i32.const 7)) (i32.const 40)))))
)
;;= post after dead_params
;;= func 1 -> (i32)
;;= b0(v0: i32, v1: i32):
;;=     v9 = const 0x0
;;=     v8 = call 0 v0, v9
;;=     return v8
