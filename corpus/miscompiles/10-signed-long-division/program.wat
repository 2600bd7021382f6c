(module
  (func (export "div") (param $x i64) (param $y i64) (result i64) (i64.div_s (local.get $x) (local.get $y)))
  (func (export "rem") (param $x i64) (param $y i64) (result i64) (i64.rem_s (local.get $x) (local.get $y))))
