(module
  (func (export "f") (param $x i32) (result i32) (i32.and (i32.shr_u (local.get $x) (i32.const 8)) (i32.const 0xff)))
  (func (export "g") (param $x i32) (result i32) (i32.extend8_s (i32.rotr (local.get $x) (i32.const 24)))))
