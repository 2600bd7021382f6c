;;! target: cortex-m4
;;! bounds: software
;; All that a division and an access check before they act.
(module
  (memory 1)
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "rem64") (param i64 i64) (result i64) (i64.rem_u (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i64) (i64.load offset=5 (local.get 0)))
  (func (export "stop") (param i32) (if (local.get 0) (then unreachable))))
