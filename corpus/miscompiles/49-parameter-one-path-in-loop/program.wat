(module
  (func (export "f") (param $x i32) (param $n i32) (result i32)
    (block $done (loop $again
      (br_if $done (i32.eqz (local.get $n)))
      (if (i32.and (local.get $n) (i32.const 1)) (then (local.set $x (i32.add (local.get $x) (i32.const 10)))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $again)))
    (local.get $x)))
