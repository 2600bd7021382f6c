(module
  (func (export "f") (param $w i32) (param $x i32) (param $y i32) (param $z i32) (result i32)
    (i32.sub
      (i32.mul (local.get $w) (i32.const 7)) ;; waits
      (i32.add (i32.add
      (select
        (i32.const 100)
        (select (i32.const -100) (local.get $x) (i32.lt_s (local.get $x) (i32.const -100)))
        (i32.gt_s (local.get $x) (i32.const 100)))
      (select
        (i32.const 100)
        (select (i32.const -100) (local.get $y) (i32.lt_s (local.get $y) (i32.const -100)))
        (i32.gt_s (local.get $y) (i32.const 100))))
      (select
        (i32.const 100)
        (select (i32.const -100) (local.get $z) (i32.lt_s (local.get $z) (i32.const -100)))
        (i32.gt_s (local.get $z) (i32.const 100)))))))
