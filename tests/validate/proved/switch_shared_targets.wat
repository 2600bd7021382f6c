;;! target: cortex-m4
;;! bounds: software
;; Table entries for the same edge share its code; edges that differ in what they carry do not.
(module
  (func (export "f") (param i32 i32) (result i32)
    (block $a (result i32)
      (block $b (result i32)
        (br_table $a $b $a $b $a $b $a $b $b $a $a (local.get 1) (local.get 0)))
      (i32.add (i32.const 1)))))
