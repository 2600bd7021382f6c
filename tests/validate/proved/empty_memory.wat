;;! target: cortex-m4
;;! bounds: software
;; Every access to a memory without pages traps.
(module
  (memory 0)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "size") (result i32) (memory.size)))
