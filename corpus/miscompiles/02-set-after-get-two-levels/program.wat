(module
  (func (export "f") (param $v i32) (param $q i32) (result i32)
    local.get $v ;; first
    local.get $q
    local.set $v
    local.get $v ;; second
    i32.const 100
    local.set $v
    i32.const 1000
    local.tee $v
    i32.add
    i32.mul
    local.get $v
    i32.sub))
