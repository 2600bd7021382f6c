;;! target: cortex-m4
;;! bounds: software
;; A dropped segment is empty, whoever dropped it; an active one is dropped from the start.
(module
  (memory 1)
  (global (mut i64) (i64.const 7))
  (data $active (i32.const 0) "abc")
  (data $passive "hello")
  (func (export "drop") (data.drop $passive) (data.drop $active))
  (func (export "init") (param i32 i32 i32)
    (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init_dropped") (param i32 i32)
    (data.drop $passive)
    (memory.init $passive (local.get 0) (i32.const 0) (local.get 1)))
  (func (export "init_active") (param i32 i32 i32)
    (memory.init $active (local.get 0) (local.get 1) (local.get 2))))
