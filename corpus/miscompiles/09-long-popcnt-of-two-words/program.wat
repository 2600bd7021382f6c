(module
  (func (export "f") (param $lo i32) (param $hi i32) (result i64)
    (i64.popcnt (i64.or (i64.extend_i32_u (local.get $lo)) (i64.shl (i64.extend_i32_u (local.get $hi)) (i64.const 32)))))
  (func (export "words") (param $lo i32) (param $hi i32) (result i32)
    (local $n i64)
    (local.set $n (i64.popcnt (i64.or (i64.extend_i32_u (local.get $lo)) (i64.shl (i64.extend_i32_u (local.get $hi)) (i64.const 32)))))
    (i32.add (i32.wrap_i64 (local.get $n)) (i32.wrap_i64 (i64.shr_u (local.get $n) (i64.const 32))))))
