(module
  (func (export "f") (param $n i32) (result i32)
    (local $s i32)
    (block $out
      (loop $again
        (local.set $s (i32.add (local.get $s) (local.get $n)))
        (br_if $out (i32.gt_u (local.get $s) (i32.const 20)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $again)))
    (local.get $s)))
