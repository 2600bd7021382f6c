(module
  (func (export "f") (param $x i32) (result i32) (i32.xor (local.get $x) (i32.const 0x0001abcd)))
  (func (export "g") (param $x i32) (result i32) (i32.and (local.get $x) (i32.const 0xffff))))
