(module
  (func (export "f") (param $x i32) (result i32)
    (i32.xor
      (i32.add (local.get $x) (i32.const -4097))
      (i32.mul (i32.sub (local.get $x) (i32.const 0xffff0001)) (i32.const 0x80000001))))
  (func (export "k") (param $x i32) (result i32) (i32.add (local.get $x) (i32.const 0x00ff00ff))))
