(module
  (func (export "f") (param $x i64) (param $z i32) (result i32)
    (i32.add
      (i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const 8)))
      (i32.shl (local.get $z) (i32.const 1)))))
