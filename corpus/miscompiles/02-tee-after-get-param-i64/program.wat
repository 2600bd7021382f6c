(module
  (func (export "f") (param $v i64) (param $q i64) (result i64)
    local.get $v ;; pushed
    local.get $q
    i64.const 3
    i64.add
    local.tee $v
    drop
    local.get $v
    i64.sub))
