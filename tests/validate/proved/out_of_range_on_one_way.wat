;;! target: cortex-m4
;;! bounds: none
;; Of executions with the flag nothing is said; of the others something is, behind a cut point and where a loop never ends.
(module
  (memory 1 1)
  (func (export "load") (param $is_set i32) (result i32)
    (if (local.get $is_set) (then (i32.store (i32.const 16) (i32.load (i32.const 80000)))))
    (i32.load (i32.const 16)))
  (func (export "wait") (param $is_set i32)
    (loop $forever
      (if (local.get $is_set) (then (i32.store (i32.const 16) (i32.load (i32.const 80000)))))
      (i32.store (i32.const 20) (i32.add (i32.load (i32.const 20)) (i32.const 1)))
      (br $forever))))
