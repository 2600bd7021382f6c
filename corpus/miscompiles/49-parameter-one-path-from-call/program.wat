(module
  (import "env" "tick" (func $tick (param i32) (result i32)))
  (func (export "f") (param $x i32) (param $c i32) (result i32)
    (if (local.get $c) (then (local.set $x (call $tick (local.get $x)))))
    (i32.xor (local.get $x) (i32.const 0xff))))
