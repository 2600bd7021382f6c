(module
  (import "env" "tick" (func $tick (param i32) (result i32)))
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (i32.sub (call $tick (local.get $x)) (call $tick (local.get $y)))))
