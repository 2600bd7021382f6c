(module
  (import "env" "tick" (func $tick (param i32) (result i32)))
  (func (export "f") (param $x i32) (result i32)
    (local $b i32)
    (local.set $b (i32.and (local.get $x) (i32.const 0xff)))
    (i32.add (i32.and (call $tick (local.get $b)) (i32.const 1)) (local.get $b))))
