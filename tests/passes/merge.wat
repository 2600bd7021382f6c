;; What the faults of merging break: stores in a row across a seam, a block that only stores, a dispatch.
(module
  (memory (export "memory") 1)

  ;; A callee with a decision of its own leaves blocks with one incoming edge.
  (func $put (param $p i32) (param $v i32)
    (if (i32.lt_s (local.get $v) (i32.const 0)) (then (i32.store8 (local.get $p) (i32.const 1))))
    (i32.store (local.get $p) (local.get $v)))
  (func (export "twice") (param $p i32) (param $v i32) (result i32)
    (call $put (local.get $p) (local.get $v))
    (call $put (i32.add (local.get $p) (i32.const 2)) (i32.add (local.get $v) (i32.const 1)))
    (i32.load (local.get $p)))

  ;; An arm that only stores, between two that store and go on.
  (func (export "mark") (param $p i32) (param $kind i32)
    (if (i32.eq (local.get $kind) (i32.const 3))
      (then (i32.store (local.get $p) (local.get $kind)))
      (else (if (i32.eq (local.get $kind) (i32.const 5))
        (then (i32.store offset=4 (local.get $p) (local.get $kind)))
        (else (i32.store offset=8 (local.get $p) (local.get $p))))))
    (i32.store offset=12 (local.get $p) (local.get $p)))

  ;; A dispatch whose cases are one.
  (func (export "case") (param $kind i32) (param $v i32) (result i32)
    (block $other (block $same
      (br_table $same $same $other (local.get $kind)))
      (call $put (i32.const 64) (local.get $v))
      (return (i32.const 1)))
    (i32.const 2))
)
