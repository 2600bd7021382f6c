(module
  (func (export "f") (param $x i64) (result i64)
    (i64.add (local.get $x) (i64.const 0x100000001))))
