;;! target: cortex-m4
;;! bounds: software
;; Two stores, of which the second may trap: the first one's effect is seen at the trap.
(module
  (memory 1)
  (func (export "two") (param i32)
    (i32.store (i32.const 0) (i32.const 1))
    (i32.store (local.get 0) (i32.const 2))))
