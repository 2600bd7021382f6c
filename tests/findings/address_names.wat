(module
  (import "env" "tell" (func $tell (param i64)))
  (import "env" "ask" (func $ask (param i32 i64) (result i32)))
  (memory 2 3)
  (global $g (mut i32) (i32.const 1))
  ;; The address of the store is made before the inner loop, where its index has another name.
  (func (export "inner") (param i32 i32 i32 i32) (result i32)
    (local i32 i32)
    (local.set 5 (i32.const 2))
    (loop $outer
      (local.set 4 (i32.const 2))
      (loop $inner
        (if (local.get 2)
          (then (global.set $g (i32.const 0)))
          (else (i32.store8 (i32.and (local.get 4) (i32.const 0xffff)) (i32.const 0))))
        (call $tell (i64.const 0))
        (drop (memory.grow (i32.const 1)))
        (i32.store8 offset=10 (local.get 3) (i32.const 0))
        (i32.store (i32.and (global.get $g) (i32.const 63)) (i32.const -1))
        (drop (call $ask (i32.const 3) (i64.const 0)))
        (br_if $inner (local.tee 4 (i32.sub (local.get 4) (i32.const 1)))))
      (local.set 3 (i32.add (local.get 3) (i32.load (i32.const 4))))
      (br_if $outer (local.tee 5 (i32.sub (local.get 5) (i32.const 1)))))
    (local.get 3)))
