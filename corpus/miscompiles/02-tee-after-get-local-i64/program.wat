(module
  (func (export "f") (param $p i64) (param $q i64) (result i64)
    (local $v i64)
    local.get $p
    local.set $v
    local.get $v ;; pushed
    local.get $q
    i64.const 3
    i64.add
    local.tee $v
    drop
    local.get $v
    i64.sub))
