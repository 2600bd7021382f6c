(module
  (func (export "f") (param $n i32) (result i32)
    (local $k i32) (local $s i32)
    (local.set $k (i32.const 3))
    (loop $again
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 10)) (local.get $k)))
      (local.set $k (i32.xor (local.get $k) (i32.const 6)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (i32.gt_s (local.get $n) (i32.const 0))))
    (local.get $s)))
