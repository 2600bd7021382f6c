;;! target: cortex-m4
;;! bounds: software
;; Where the segment goes is known to the linker only: start-up code that left it out would be wrong.
(module
  (import "host" "memory" (memory 1))
  (import "host" "base" (global $base i32))
  (data (global.get $base) "abc")
  (func (export "f") (result i32) (i32.load (i32.const 0))))
