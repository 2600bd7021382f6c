(module
  (import "env" "tick" (func $tick (param i32) (result i32)))
  (func $twice (export "twice") (param $x i32) (result i32) (i32.shl (local.get $x) (i32.const 1)))
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (i32.sub
      (i32.mul (local.get $x) (i32.const 5)) ;; waits
      (i32.add (call $tick (local.get $y)) (call $twice (local.get $y))))))
