(module
  (func (export "kff") (param $x i32) (result i32) (i32.sub (i32.const 0xff) (local.get $x)))
  (func (export "k100") (param $x i32) (result i32) (i32.sub (i32.const 0x100) (local.get $x)))
  (func (export "k101") (param $x i32) (result i32) (i32.sub (i32.const 0x101) (local.get $x)))
  (func (export "k1ff") (param $x i32) (result i32) (i32.sub (i32.const 0x1ff) (local.get $x)))
  (func (export "k3fc") (param $x i32) (result i32) (i32.sub (i32.const 0x3fc) (local.get $x)))
  (func (export "k400") (param $x i32) (result i32) (i32.sub (i32.const 0x400) (local.get $x)))
  (func (export "kfff") (param $x i32) (result i32) (i32.sub (i32.const 0xfff) (local.get $x)))
  (func (export "k1000") (param $x i32) (result i32) (i32.sub (i32.const 0x1000) (local.get $x))))
