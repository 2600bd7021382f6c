;; A copy and a fill whose length is zero where they stand, because another length was tested; the code keeps the tested word.
(module
  (memory (export "memory") 1)
  (func (export "rounds") (param $mode i32) (param $times i32) (result i32)
    (local $sum i32) (local $bytes i32)
    (block $out
      (loop $next
        (i64.store offset=16 (i32.and (local.get $mode) (i32.const 0xffff)) (i64.const -1))
        (br_if $out (local.tee $bytes (i32.shl (local.get $mode) (i32.const 15))))
        (memory.copy (i32.and (local.get $mode) (i32.const 0xffff)) (local.get $times)
          (local.get $bytes))
        (memory.fill (local.get $times) (i32.const 7) (local.get $bytes))
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $times))))
        (br_if $next (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
    (i32.add (local.get $sum) (local.get $times))))
