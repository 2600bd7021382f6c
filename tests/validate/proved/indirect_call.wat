;;! target: cortex-m4
;;! bounds: software
;; An indirect call with its three traps, and a global written before it.
(module
  (type $binary (func (param i32 i32) (result i32)))
  (table 4 funcref)
  (global $last (mut i32) (i32.const 0))
  (elem (i32.const 0) $add $sub $get)
  (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func $sub (type $binary) (i32.sub (local.get 0) (local.get 1)))
  (func $get (result i32) (global.get $last))
  (func (export "apply") (param i32 i32 i32) (result i32)
    (global.set $last (local.get 0))
    (call_indirect (type $binary) (local.get 1) (local.get 2) (local.get 0))))
