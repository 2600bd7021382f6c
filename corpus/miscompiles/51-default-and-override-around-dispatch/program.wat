(module
  (memory (export "memory") 1)
  (func (export "give") (param $state i32) (param $count i32) (result i32)
    (local $action i32)
    (local.set $action (i32.const 2))
    (block $end (block $other (block $wake (block $full
      (br_table $wake $full $other $wake $other (local.get $state)))
      (local.set $action (i32.const 0)) ;; full
      (br $end))
      (local.set $action (i32.const 1)) ;; wake
      (i32.store (i32.const 8) (local.get $count))
      (br $end))
      (i32.store (i32.const 12) (local.get $count)))
    (i32.or (local.get $action) (i32.shl (local.get $count) (i32.const 8)))))
