;;! target: cortex-m4
;;! bounds: none
;; Without bounds checks the access is assumed to be in range, which this one never is: under that, all would follow.
(module
  (memory 1)
  (func (export "load") (param i32) (result i32) (i32.load offset=0x10000 (local.get 0))))
