(module
  (type $t (func (param i32) (result i32)))
  (type $same (func (param i32) (result i32)))
  (table 2 funcref)
  (elem (i32.const 0) $a $b)
  (func $a (type $t) (i32.add (local.get 0) (i32.const 1)))
  (func $b (type $same) (i32.add (local.get 0) (i32.const 2)))
  (func (export "call") (param $i i32) (result i32) (call_indirect (type $t) (i32.const 10) (local.get $i))))
