;; What faults of decoding do that no program of the corpus shows.
(module
  (type $handler (func (param i32) (result i32)))
  (table 8 funcref)
  ;; Handlers by interrupt number: 0, 3, 5 and 7 are not connected.
  (elem (table 0) (offset (i32.const 1)) funcref
    (ref.func $tick) (ref.func $receive) (ref.null func) (ref.func $transmit) (ref.null func) (ref.func $overrun))
  (func $tick (param $count i32) (result i32)
    (i32.add (local.get $count) (i32.const 1)))
  (func $receive (param $byte i32) (result i32)
    (i32.and (local.get $byte) (i32.const 0x7f)))
  (func $transmit (param $byte i32) (result i32)
    (i32.or (local.get $byte) (i32.const 0x80)))
  (func $overrun (param $errors i32) (result i32)
    (i32.shl (local.get $errors) (i32.const 4)))

  ;; decode-null-elements: a null entry of an element segment takes a place, so that the handlers behind it keep their numbers.
  (func (export "interrupt") (param $number i32) (param $word i32) (result i32)
    (call_indirect (type $handler) (local.get $word) (local.get $number))))
