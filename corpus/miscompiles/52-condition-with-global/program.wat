(module
  (global $left (mut i32) (i32.const 4))
  (func (export "set") (param i32) (global.set $left (local.get 0)))
  (func (export "f") (result i32)
    (local $n i32)
    (block $done (loop $again
      (br_if $done (i32.eqz (global.get $left)))
      (br_if $done (i32.ge_u (local.get $n) (i32.const 40)))
      (global.set $left (i32.sub (global.get $left) (i32.const 1)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $again)))
    (local.get $n)))
