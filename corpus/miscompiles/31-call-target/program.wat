(module
  (func $one (export "one") (param $x i32) (result i32)
    (if (i32.gt_u (local.get $x) (i32.const 100)) (then (return (call $two (i32.sub (local.get $x) (i32.const 96))))))
    (i32.add (local.get $x) (i32.const 1)))
  (func $two (export "two") (param $x i32) (result i32)
    (if (i32.gt_u (local.get $x) (i32.const 1000)) (then (return (call $one (i32.sub (local.get $x) (i32.const 1993))))))
    (i32.mul (local.get $x) (i32.const 3))))
