;;! target: cortex-m4
;;! bounds: software
;; `f` is exported, so the import would be `a_f`; but that is exported too.
(module
  (import "a" "f" (func $import (result i32)))
  (func (export "f") (result i32) (call $import))
  (func (export "a_f") (result i32) (i32.const 1)))
