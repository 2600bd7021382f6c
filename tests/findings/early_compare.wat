;; A comparison with a constant before a loop decides behind it, where the compared word is that constant.
(module
  (memory (export "memory") 1)
  (data (i32.const 256) "SYST:ERR?\00")
  (func (export "last") (param $text i32) (param $length i32) (result i32)
    (local $other i32)
    (local.set $other (i32.ne (local.get $length) (i32.const 1)))
    (block $end
      (loop $scan
        (br_if $end (i32.eqz (i32.load8_u (local.get $text))))
        (local.set $text (i32.add (local.get $text) (i32.const 1)))
        (br $scan)))
    (if (local.get $other) (then (return (i32.const -1))))
    (i32.load8_u (i32.sub (local.get $text) (local.get $length)))))
