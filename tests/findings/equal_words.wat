(module
  (import "env" "ask" (func $ask (param i32 i64) (result i32)))
  (memory 1)
  ;; Local 2 is never set: the shift is by zero, and the arm that makes another word is never taken.
  (func (export "less_than_itself") (param i32 i32) (result i32)
    (local i32 i32 i32)
    (loop
      (local.set 3 (local.get 0))
      (i32.store (i32.const 8)
        (i32.lt_u
          (i32.shr_u (local.get 0) (local.get 2))
          (if (result i32) (local.get 4)
            (then (local.set 0 (call $ask (local.get 0) (i64.const 1))) (local.get 3))
            (else (local.get 0)))))
      (local.set 0 (i32.add (local.get 0) (i32.load (i32.const 8))))
      (br_if 0 (local.tee 1 (i32.shr_u (local.get 1) (i32.const 1)))))
    (local.get 0)))
