(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (block $out (result i32 i32)
      (i32.add (local.get $x) (local.get $y)) ;; carried
      (i32.shl (local.get $x) (i32.const 2))
      (br_if $out (i32.lt_s (local.get $x) (local.get $y)))
      drop drop
      (i32.sub (local.get $x) (local.get $y)) (i32.const 9))
    i32.sub))
