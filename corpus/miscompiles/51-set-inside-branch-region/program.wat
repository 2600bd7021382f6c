(module
  (func (export "f") (param $x i32) (param $c i32) (result i32)
    (local $r i32)
    (local.set $r (i32.const 10))
    (block $out
      (br_if $out (i32.gt_u (local.get $c) (i32.const 5))) ;; first
      (local.set $r (i32.add (local.get $x) (i32.const 1)))
      (br_if $out (i32.eq (local.get $c) (i32.const 5)))
      (local.set $r (i32.mul (local.get $x) (i32.const 3))))
    (local.get $r)))
