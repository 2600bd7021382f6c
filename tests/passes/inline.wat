;; What the faults of inlining break: an order of arguments, an early return.
(module
  (func $difference (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.sub)

  (func $clamp (param $x i32) (result i32)
    (if (i32.gt_s (local.get $x) (i32.const 100)) (then (return (i32.const 100))))
    (i32.add (local.get $x) (i32.const 1)))

  ;; A difference and an early return, inlined.
  (func (export "distance") (param i32 i32) (result i32)
    (i32.mul (call $clamp (call $difference (local.get 0) (local.get 1))) (i32.const 3)))
)
