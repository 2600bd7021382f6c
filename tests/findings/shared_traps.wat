(module
  (memory 1 2)
  (global $g (mut i32) (i32.const 3))
  (global $h (mut i32) (i32.const 1))
  ;; Every way ends in the same trap; one of them passes a join that does nothing.
  (func (export "traps") (result i32)
    (if (i32.sub (global.get $g) (i32.const 1))
      (then
        (block
          (i32.store (i32.const 10) (i32.const 0))
          (br_if 0 (global.get $h))
          (i32.store8 (i32.and (global.get $h) (i32.const 63)) (i32.const 0))))
      (else (memory.fill (i32.const 65520) (i32.const 1) (i32.const 19))))
    (memory.fill (i32.const 65535) (i32.const 0) (i32.const 5))
    (i32.const 1)))
