(module
  (memory (export "memory") 1)
  (func (export "f") (param $p i32) (result i32)
    (local $n i32)
    (block $done (loop $again
      (br_if $done (i32.eqz (i32.load8_u (local.get $p))))
      (br_if $done (i32.ge_u (local.get $n) (i32.const 50)))
      (i32.store8 (local.get $p) (i32.sub (i32.load8_u (local.get $p)) (i32.const 1)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $again)))
    (local.get $n)))
