;; Active data segments that overlap, touch the last byte and are empty; a start function that reads them.
;; about: Overlapping active data segments in order, empty segments, the last byte, and a start function summing them.
;; group: wasm
(module
  (memory (export "memory") 1)
  (global $sum (mut i32) (i32.const 0))
  (data (i32.const 32) "aaaaaaaaaaaaaaaa")
  (data (i32.const 36) "bbbbbbbb")
  (data (i32.const 40) "")
  (data (i32.const 39) "cc")
  (data (i32.const 65535) "\7f")
  (data (i32.const 65536) "")
  (start $add_up)
  (func $byte_sum (export "byte_sum") (param $from i32) (param $size i32) (result i32)
    (local $sum i32)
    (loop $next
      (if (local.get $size)
        (then
          (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $from))))
          (local.set $from (i32.add (local.get $from) (i32.const 1)))
          (local.set $size (i32.sub (local.get $size) (i32.const 1)))
          (br $next))))
    (local.get $sum))
  (func $add_up
    (global.set $sum (call $byte_sum (i32.const 32) (i32.const 16)))
    (i32.store8 (i32.const 31) (i32.const 0x5a)))
  (func (export "start_sum") (result i32) (global.get $sum))
  (func (export "byte_at") (param i32) (result i32) (i32.load8_u (local.get 0))))
