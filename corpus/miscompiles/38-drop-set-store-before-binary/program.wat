(module
  (memory (export "memory") 1)
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (local $t i32)
    local.get $x
    local.get $y
    local.get $x
    i32.const 5
    i32.add
    drop
    local.get $y
    local.set $t
    i32.const 16
    local.get $t
    i32.store
    i32.sub))
