(module
  (func (export "f") (param $p i32) (param $q i32) (result i32)
    (local $v i32)
    local.get $p
    local.set $v
    local.get $v ;; pushed
    local.get $q
    i32.const 3
    i32.add
    local.set $v
    local.get $v
    i32.sub))
