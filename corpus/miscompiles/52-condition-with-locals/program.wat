(module
  (func (export "f") (param $x i32) (result i32)
    (local $n i32)
    (block $done (loop $again
      (br_if $done (i32.gt_s (local.get $n) (local.get $x)))
      (local.set $n (i32.add (local.get $n) (i32.const 3)))
      (local.set $x (i32.sub (local.get $x) (i32.const 1)))
      (br $again)))
    (local.get $n)))
