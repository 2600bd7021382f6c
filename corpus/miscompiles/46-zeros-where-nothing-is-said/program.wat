(module
  (memory (export "memory") 1)
  (data (i32.const 32) "x")
  (global $seen (mut i32) (i32.const 0))
  (func (export "sum") (param $n i32) (result i32)
    (local $s i32)
    (loop $again
      (local.set $s (i32.add (local.get $s) (i32.load8_u (local.get $n))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (i32.ge_s (local.get $n) (i32.const 0))))
    (global.set $seen (i32.add (global.get $seen) (i32.const 1)))
    (local.get $s)))
