;;! function: around counters
;;! after: gvn
;;! bounds: none

;; One division for both sides of a loop and the loop; two counters of a loop that stay equal, and one that does not.
(module
  (memory 1)
  (func (export "around") (param $a i32) (param $b i32) (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (local.set $sum (i32.div_u (local.get $a) (local.get $b)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (local.set $sum (i32.add (local.get $sum) (i32.div_u (local.get $a) (local.get $b))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.add (local.get $sum) (i32.div_u (local.get $a) (local.get $b))))
  (func (export "counters") (param $p i32) (param $n i32) (result i32)
    (local $i i32) (local $j i32) (local $k i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (i32.store (i32.add (local.get $p) (local.get $j)) (local.get $k))
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (local.set $j (i32.add (local.get $j) (i32.const 4)))
      (local.set $k (i32.add (local.get $k) (local.get $n)))
      (br $next)))
    (i32.add (local.get $i) (i32.add (local.get $j) (local.get $k))))
)
