;;! target: cortex-m4
;;! bounds: software
;; The imported memory may be larger than it must be: whether instantiation traps is known at run time only.
(module
  (import "host" "memory" (memory 1))
  (data (i32.const 0x1ffff) "a")
  (func (export "f") (result i32) (i32.load (i32.const 0))))
