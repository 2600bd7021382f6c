;;! target: cortex-m4
;;! bounds: software
;; A check of an index makes later ones needless: the calls in the loop rest on the one before it.
(module
  (type $t (func (param i32) (result i32)))
  (table 4 funcref) (elem (i32.const 0) $a $b $a $b)
  (func $a (type $t) (i32.add (local.get 0) (i32.const 1)))
  (func $b (type $t) (i32.mul (local.get 0) (i32.const 3)))
  (func (export "run") (param $k i32) (param $n i32) (result i32) (local $s i32)
    (local.set $s (call_indirect (type $t) (i32.const 5) (local.get $k)))
    (loop $l
      (local.set $s (i32.add (local.get $s) (call_indirect (type $t) (local.get $s) (local.get $k))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s)))
