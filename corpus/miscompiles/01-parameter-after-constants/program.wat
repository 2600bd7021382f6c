(module
  (func (export "f") (param $x i32) (param $y i32) (param $z i32) (result i32)
    (i32.xor
      (i32.add (i32.mul (local.get $x) (i32.const 0x12345679)) (i32.mul (local.get $y) (i32.const 0x7654321)))
      (i32.add (i32.const 0x0badcafe) (local.get $z)))))
