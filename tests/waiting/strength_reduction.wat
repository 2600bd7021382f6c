;;! function: powers neighbours divisions remainder
;;! bounds: software
;;! absent: mul udiv sdiv
;; Products and quotients by constants become shifts, sums and high products.
(module
  (func (export "powers") (param i32) (result i32)
    (i32.xor (i32.mul (local.get 0) (i32.const 64)) (i32.div_u (local.get 0) (i32.const 16))))
  (func (export "neighbours") (param i32 i32) (result i32)
    (i32.sub (i32.mul (local.get 0) (i32.const 5)) (i32.mul (local.get 1) (i32.const 7))))
  (func (export "divisions") (param i32 i32) (result i32)
    (i32.xor (i32.div_u (local.get 0) (i32.const 10)) (i32.div_s (local.get 1) (i32.const 8))))
  (func (export "remainder") (param i32) (result i32)
    (i32.rem_u (local.get 0) (i32.const 32))))
