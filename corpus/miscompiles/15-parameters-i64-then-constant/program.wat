(module
  (func (export "f") (param $x i64) (result i64)
    (i64.xor (i64.mul (i64.const 0x123456789abcdef) (i64.const 3)) (i64.add (local.get $x) (i64.const 0x1122334455667788)))))
