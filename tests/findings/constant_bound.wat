;; A range that its user makes in memory, and a fold over it that is inlined: the loop's bound becomes a constant of another block, which
;; is made anew in the loop when that is rotated.
(module
  (memory (export "memory") 1)
  (func $fold (param $range i32) (param $sum i32) (result i32)
    (local $at i32) (local $end i32) (local $limit i32)
    (local.set $limit (i32.load offset=4 (local.get $range)))
    (local.set $at (i32.load (local.get $range)))
    (local.set $end
      (select (local.get $limit) (local.get $at) (i32.gt_u (local.get $limit) (local.get $at))))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $end) (local.get $at)))
        (i32.store offset=1024 (i32.shl (local.get $at) (i32.const 2)) (local.get $sum))
        (local.set $sum (i32.xor (i32.mul (local.get $sum) (i32.const 5)) (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $sum))
  (func (export "fold") (param $start i32) (result i32)
    (i32.store (i32.const 64) (i32.const 3))
    (i32.store offset=4 (i32.const 64) (i32.const 9))
    (i32.store offset=8 (i32.const 64) (local.get $start))
    (call $fold (i32.const 64) (local.get $start))))
