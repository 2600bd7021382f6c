(module
  (memory 1)
  (global $g (mut i32) (i32.const 0x1234))
  ;; Whether a word is zero, in a product that is stored where later accesses may find it.
  (func (export "product") (param i32 i32) (result i32)
    (i32.store
      (i32.and (local.get 1) (i32.const 63))
      (i32.mul
        (local.get 1)
        (i32.xor (local.get 0) (i32.ne (i32.rotr (global.get $g) (local.get 0)) (i32.const 0)))))
    (i32.load8_s offset=1 (i32.load16_u offset=3 (i32.and (local.get 0) (i32.const 252)))))
  ;; Whether two words differ.
  (func (export "difference") (param i32 i32) (result i32)
    (i32.store
      (i32.and (local.get 1) (i32.const 63))
      (i32.mul
        (local.get 1)
        (i32.xor (local.get 0) (i32.ne (i32.rotr (global.get $g) (local.get 0)) (i32.load (i32.const 200))))))
    (i32.load8_s offset=1 (i32.load16_u offset=3 (i32.and (local.get 0) (i32.const 252)))))
  ;; A field of bits of a word that was shifted with its sign.
  (func (export "field") (param i32 i32) (result i32)
    (i32.store
      (i32.and (local.get 1) (i32.const 63))
      (i32.mul
        (i32.and (i32.shr_s (local.get 0) (i32.const 5)) (i32.const 15))
        (i32.add (local.get 1) (i32.const 1))))
    (i32.load8_s offset=1 (i32.load16_u offset=3 (i32.and (local.get 0) (i32.const 252)))))
  (data (i32.const 0) "\01\02\03\04\05\06\07\08\09\0a\0b\0c\0d\0e\0f\10\11\12\13\14"))
