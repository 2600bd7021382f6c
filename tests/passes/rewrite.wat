;; What the faults of `rewrite` break.
(module
  (memory 1)
  (func (export "quotient") (param i32) (result i32)
    (i32.div_u (local.get 0) (i32.const 8)))
  (func (export "field") (param i32) (result i32)
    (i32.shr_u (i32.and (local.get 0) (i32.const 0xfff0ff)) (i32.const 4)))
  (func (export "thirds") (param i32) (result i32)
    (i32.add (i32.div_u (local.get 0) (i32.const 3)) (i32.mul (local.get 0) (i32.const 9)))))
