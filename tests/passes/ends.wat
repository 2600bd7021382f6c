(module
  (memory 1)
  (func (export "first") (param i32) (result i32)
    (i32.store (i32.const 8) (local.get 0))
    (i32.add (i32.load (local.get 0)) (i32.load (i32.const 0x1fffe))))
  (func (export "in_arm") (param i32) (result i32)
    (if (local.get 0)
      (then
        (i32.store8 (i32.const 70000) (local.get 0))
        (local.set 0 (i32.mul (local.get 0) (i32.load offset=65535 (local.get 0))))))
    (i32.load8_u (local.get 0)))  (func (export "fine") (param i32) (result i32)
    (i32.load (local.get 0))))
