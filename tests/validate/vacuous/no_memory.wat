;;! target: cortex-m4
;;! bounds: none
;; Without bounds checks the access is assumed to be in range, which no access to an empty memory is.
(module
  (memory 0)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
