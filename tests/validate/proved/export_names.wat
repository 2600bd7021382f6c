;;! target: cortex-m4
;;! bounds: software
;; Names that no symbol can have.
(module
  (func (export "") (result i32) (i32.const 1))
  (func (export "$t") (result i32) (i32.const 2))
  (func (export "a\00b") (result i32) (i32.const 3))
  (func (export "~!\n \u{200f}") (result i32) (i32.const 4)))
