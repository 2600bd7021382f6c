(module
  (func $twice (param $a i32) (result i32) (i32.add (local.get $a) (local.get $a)))
  (func (export "f") (param $x i32) (result i32)
    (local $r i32)
    (local.set $r (call $twice (local.get $x))) ;; call
    (local.set $x (i32.add (local.get $x) (i32.const 50)))
    (i32.sub (local.get $r) (local.get $x))))
