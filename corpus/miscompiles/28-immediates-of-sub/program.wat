(module
  (func (export "kff") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const 0xff)))
  (func (export "k100") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const 0x100)))
  (func (export "k101") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const 0x101)))
  (func (export "k1ff") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const 0x1ff)))
  (func (export "k3fc") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const 0x3fc)))
  (func (export "k400") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const 0x400)))
  (func (export "kfff") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const 0xfff)))
  (func (export "k1000") (param $x i32) (result i32) (i32.sub (local.get $x) (i32.const 0x1000))))
