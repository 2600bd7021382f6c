;; What the faults of carriers break: decisions that are packed into 64 bits on one side of a seam and taken apart on the other.
(module
  (memory (export "memory") 1)
  (func $decide (param $count i32) (param $limit i32) (result i64)
    (local $action i32) (local $new i32)
    (if (i32.lt_u (local.get $count) (local.get $limit))
      (then
        (local.set $action (i32.const 1))
        (local.set $new (i32.add (local.get $count) (i32.const 1))))
      (else (local.set $new (local.get $count))))
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $new)) (i64.const 32))
      (i64.extend_i32_u (local.get $action))))
  (func (export "give") (param $sem i32) (result i32)
    (local $packed i64)
    (local.set $packed (call $decide (i32.load (local.get $sem)) (i32.load offset=4 (local.get $sem))))
    (i32.store (local.get $sem) (i32.wrap_i64 (i64.shr_u (local.get $packed) (i64.const 32))))
    (i32.wrap_i64 (i64.and (local.get $packed) (i64.const 0xffffffff))))

  ;; A carrier through a loop: the words of a running pair, exchanged in each round.
  (func (export "exchange") (param $low i32) (param $high i32) (param $n i32) (result i32)
    (local $pair i64)
    (local.set $pair
      (i64.or (i64.extend_i32_u (local.get $low)) (i64.shl (i64.extend_i32_u (local.get $high)) (i64.const 32))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $pair
          (i64.or (i64.shr_u (local.get $pair) (i64.const 32)) (i64.shl (local.get $pair) (i64.const 32))))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (i32.sub (i32.wrap_i64 (local.get $pair)) (i32.wrap_i64 (i64.shr_u (local.get $pair) (i64.const 32))))))
