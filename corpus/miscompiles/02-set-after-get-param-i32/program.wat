(module
  (func (export "f") (param $v i32) (param $q i32) (result i32)
    local.get $v ;; pushed
    local.get $q
    i32.const 3
    i32.add
    local.set $v
    local.get $v
    i32.sub))
