(module
  (func (export "mul") (param $x i64) (param $y i64) (result i64)
    (i64.mul (i64.add (local.get $x) (i64.const 0x100000003)) (i64.sub (local.get $y) (i64.const 0x200000005))))
  (func (export "rotl") (param $x i64) (param $n i64) (result i64)
    (i64.rotl (i64.xor (local.get $x) (i64.const -1)) (i64.and (local.get $n) (i64.const 63)))))
