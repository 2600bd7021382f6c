;;! target: cortex-m4
;;! bounds: software
;;! module: proved/store_before_trap.wat
;; Two stores exchanged: both are made unless the second traps, and then memory at the trap differs.
(module
  (memory 1)
  (func (export "two") (param i32)
    (i32.store (local.get 0) (i32.const 2))
    (i32.store (i32.const 0) (i32.const 1))))
