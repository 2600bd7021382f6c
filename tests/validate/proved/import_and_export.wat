;;! target: cortex-m4
;;! bounds: software
;; An import and an export with one name are two symbols; an import that is exported is a jump.
(module
  (import "host" "f" (func $import (param i32) (result i32)))
  (import "host" "g" (func $again (param i32) (result i32)))
  (func (export "f") (param i32) (result i32) (i32.add (call $import (local.get 0)) (i32.const 1)))
  (export "g" (func $again)))
