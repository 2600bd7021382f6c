(module
  (memory (export "memory") 1)
  (func (export "f") (param $x i64) (param $n i32) (result i32)
    (local $v i64)
    (local.set $v (i64.add (local.get $x) (i64.const 0x100000000)))
    (block $done (loop $again
      (br_if $done (i32.eqz (local.get $n)))
      (i64.store (i32.shl (local.get $n) (i32.const 3)) (local.get $v))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $again)))
    (i32.wrap_i64 (i64.shr_u (local.get $v) (i64.const 32)))))
