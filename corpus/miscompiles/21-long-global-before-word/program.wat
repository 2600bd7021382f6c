(module
  (global $w (mut i64) (i64.const 0x1122334455667788))
  (global $n (mut i32) (i32.const 42))
  (func (export "set") (param $x i64) (global.set $w (local.get $x)))
  (func (export "get") (result i64) (global.get $w))
  (func (export "next") (param $k i32) (result i32)
    (global.set $n (i32.add (global.get $n) (local.get $k)))
    (global.get $n)))
