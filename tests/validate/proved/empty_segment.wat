;;! target: cortex-m4
;;! bounds: software
;; A passive data segment without bytes has a symbol, because code names it.
(module
  (memory 1)
  (data "")
  (func (export "init") (param i32 i32 i32)
    (memory.init 0 (local.get 0) (local.get 1) (local.get 2))))
