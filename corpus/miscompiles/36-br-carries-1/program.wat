(module
  (func (export "f") (param $x i32) (param $y i32) (result i32)
    (block $out (result i32)
      (if (local.get $x) (then
        (br $out (i32.mul (local.get $x) (i32.const 3)))))
      (i32.add (local.get $y) (i32.const 100)))))
