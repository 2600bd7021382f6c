;; What the faults of bounds checks break.
(module
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))

  ;; Checks of one index in a row, with a store between some of them.
  (func (export "record") (param $p i32) (param $v i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.load (local.get $p)))
    (i32.store offset=4 (local.get $p) (local.get $v))
    (i32.add (local.get $sum) (i32.load offset=8 (local.get $p))))

  ;; Checks on one path only, and one with a greater end below a smaller one.
  (func (export "either") (param $p i32) (param $which i32) (result i32)
    (local $sum i32)
    (if (local.get $which)
      (then (local.set $sum (i32.load offset=16 (local.get $p))))
      (else (global.set $count (local.get $which))))
    (i32.add (local.get $sum) (i32.load offset=16 (local.get $p))))
  (func (export "wider") (param $p i32) (param $n i32) (result i32)
    (local $first i32)
    (local.set $first (i32.load (local.get $p)))
    (if (local.get $n) (then (i32.store offset=32 (local.get $p) (local.get $first))))
    (i32.load offset=36 (local.get $p)))
  (func (export "again") (param $p i32) (param $n i32) (result i32)
    (local $first i32)
    (local.set $first (i32.load offset=8 (local.get $p)))
    (if (local.get $n) (then (global.set $count (i32.load offset=4 (local.get $p)))))
    (local.get $first))
)
