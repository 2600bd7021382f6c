(module
  (func (export "f") (param $x i32) (param $c i32) (result i32)
    (if (local.get $c) (then (local.set $x (i32.const 100))))
    (i32.add (local.get $x) (i32.const 1))))
