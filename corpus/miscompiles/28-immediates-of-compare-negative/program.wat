(module
  (func (export "kff") (param $x i32) (result i32) (i32.eq (local.get $x) (i32.const -255)))
  (func (export "k100") (param $x i32) (result i32) (i32.eq (local.get $x) (i32.const -256)))
  (func (export "k101") (param $x i32) (result i32) (i32.eq (local.get $x) (i32.const -257)))
  (func (export "k1ff") (param $x i32) (result i32) (i32.eq (local.get $x) (i32.const -511)))
  (func (export "k3fc") (param $x i32) (result i32) (i32.eq (local.get $x) (i32.const -1020)))
  (func (export "k400") (param $x i32) (result i32) (i32.eq (local.get $x) (i32.const -1024)))
  (func (export "kfff") (param $x i32) (result i32) (i32.eq (local.get $x) (i32.const -4095)))
  (func (export "k1000") (param $x i32) (result i32) (i32.eq (local.get $x) (i32.const -4096))))
