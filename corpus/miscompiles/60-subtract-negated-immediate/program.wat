(module
  (func (export "a") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const -4095)))
  (func (export "b") (param $x i32) (result i32) (i32.add (local.get $x) (i32.const -4095)))
  (func (export "c") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const -4096)))
  (func (export "d") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const 0x80000000))))
