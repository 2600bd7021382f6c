(module
  (type $t (func (result i32)))
  (table 2 funcref)
  (elem (i32.const 0) $used $also)
  (func $dead (param i32) (result i32) (local.get 0))
  (func $used (type $t) (i32.const 11))
  (func $also (type $t) (i32.const 22))
  (func (export "f") (param $i i32) (result i32) (call_indirect (type $t) (local.get $i))))
