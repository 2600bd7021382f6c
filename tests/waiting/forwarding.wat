;;! function: update head sum
;;! after: forward
;;! bounds: none

;; What a store has made known: a word, a byte extended, a global; not what another pointer may have written. A place known around a loop.
(module
  (memory 1)
  (global $top (mut i32) (i32.const 4096))
  (func (export "update") (param $p i32) (param $v i32) (result i32)
    (i32.store offset=4 (local.get $p) (local.get $v))
    (i32.store8 offset=8 (local.get $p) (local.get $v))
    (i32.add (i32.load offset=4 (local.get $p)) (i32.load8_s offset=8 (local.get $p))))
  (func (export "head") (param $q i32) (result i32)
    (local $first i32)
    (global.set $top (i32.add (global.get $top) (i32.const 8)))
    (local.set $first (i32.load (global.get $top)))
    (i32.store (local.get $q) (global.get $top))
    (i32.add (local.get $first) (i32.load (global.get $top))))
  (func (export "sum") (param $p i32) (param $n i32) (result i32)
    (local $i i32)
    (i32.store (local.get $p) (i32.const 0))
    (i32.store offset=4 (local.get $p) (local.get $n))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (i32.load offset=4 (local.get $p))))
      (i32.store (local.get $p) (i32.add (i32.load (local.get $p)) (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.load (local.get $p)))
)
