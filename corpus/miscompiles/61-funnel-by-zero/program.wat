(module
  (func (export "f") (param $x i64) (param $n i64) (result i64) (i64.shl (local.get $x) (local.get $n)))
  (func (export "g") (param $a i32) (param $b i32) (param $n i32) (result i32)
    (i32.wrap_i64 (i64.shr_u (i64.or (i64.shl (i64.extend_i32_u (local.get $a)) (i64.const 32)) (i64.extend_i32_u (local.get $b))) (i64.extend_i32_u (i32.and (local.get $n) (i32.const 31)))))))
