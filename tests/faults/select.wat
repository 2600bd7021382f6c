;; What faults of selection do that no program of the corpus shows.
(module
  ;; select-saturate-bits: a sample in the range of a signed byte.
  (func (export "to_signed_byte") (param $sample i32) (result i32)
    (local $least i32)
    (local.set $least (select (local.get $sample) (i32.const -128) (i32.gt_s (local.get $sample) (i32.const -128))))
    (select (local.get $least) (i32.const 127) (i32.lt_s (local.get $least) (i32.const 127))))

  ;; select-saturate-sign: what is not below 0 is then compared without sign: a negative word is a large one.
  (func (export "duty_cycle") (param $demand i32) (result i32)
    (local $most i32)
    (local.set $most (select (local.get $demand) (i32.const 255) (i32.lt_u (local.get $demand) (i32.const 255))))
    (select (local.get $most) (i32.const 0) (i32.gt_s (local.get $most) (i32.const 0))))
  (func (export "trim") (param $error i32) (result i32)
    (local $least i32)
    (local.set $least (select (local.get $error) (i32.const -128) (i32.gt_s (local.get $error) (i32.const -128))))
    (select (local.get $least) (i32.const 127) (i32.lt_u (local.get $least) (i32.const 127))))

  ;; select-rule-condition: four bits are set in a register of which the second byte is cleared: that is no bit-field insertion.
  (func (export "set_level") (param $register i32) (param $level i32) (result i32)
    (i32.or
      (i32.and (local.get $register) (i32.const 0xffff00ff))
      (i32.and (local.get $level) (i32.const 0x0f)))))
