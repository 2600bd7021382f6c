;;! target: cortex-m4
;;! bounds: software
;; An import that is repeated is one function, wherever it is called, exported or put into a table.
(module
  (type $f (func (param i32) (result i32)))
  (import "host" "f" (func $once (type $f)))
  (import "host" "f" (func $twice (param i32) (result i32)))
  (table 2 funcref)
  (elem (i32.const 0) $once $twice)
  (export "g" (func $twice))
  (func (export "both") (param i32) (result i32)
    (i32.add (call $once (local.get 0)) (call $twice (local.get 0))))
  (func (export "indirect") (param i32 i32) (result i32)
    (call_indirect (type $f) (local.get 0) (local.get 1))))
