;;! target: cortex-m4
;;! bounds: software
;; Floating-point numbers that are only moved are their bits.
(module
  (memory 1)
  (global $g (mut f64) (f64.const -0x1.8p+1))
  (global $h f32 (f32.const nan:0x200000))
  (func (export "load") (param i32) (result f64) (f64.load offset=4 (local.get 0)))
  (func (export "store") (param i32 f32) (f32.store (local.get 0) (local.get 1)))
  (func (export "swap") (param f64) (result f64) (global.get $g) (global.set $g (local.get 0)))
  (func (export "constant") (param i32) (result f32)
    (select (f32.const 0.5) (global.get $h) (local.get 0)))
  (func (export "bits") (param f64) (result i64) (i64.xor (i64.reinterpret_f64 (local.get 0)) (i64.const 1))))
