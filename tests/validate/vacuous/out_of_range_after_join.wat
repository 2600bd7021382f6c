;;! target: cortex-m4
;;! bounds: none
;; Both ways lead to an access that never is in range, which is behind a cut point: no execution is spoken of.
(module
  (memory 1 1)
  (func (export "load") (param $is_set i32) (result i32)
    (if (local.get $is_set) (then (i32.store (i32.const 16) (i32.const 1))))
    (i32.load (i32.const 80000))))
