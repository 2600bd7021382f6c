(module
  (func $count (param $x i32) (result i32)
    (local $n i32)
    (if (i32.and (local.get $x) (i32.const 1)) (then (local.set $n (i32.add (local.get $n) (i32.const 5)))))
    (local.get $n))
  (func (export "f") (param $k i32) (result i32)
    (local $s i32)
    (loop $again
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 10)) (call $count (local.get $k))))
      (local.set $k (i32.sub (local.get $k) (i32.const 1)))
      (br_if $again (i32.gt_s (local.get $k) (i32.const 0))))
    (local.get $s)))
