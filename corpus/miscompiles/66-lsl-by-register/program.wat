(module
  (func (export "f") (param $x i32) (param $n i32) (result i32) (i32.shl (local.get $x) (i32.sub (i32.const 32) (local.get $n)))))
