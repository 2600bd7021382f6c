(module
  (func (export "f") (param $x i32) (result i32)
    (i32.sub (i32.clz (i32.xor (local.get $x) (i32.shr_s (local.get $x) (i32.const 31)))) (i32.const 1))))
