;; Two tables of functions, dispatch with every way to fail, and tail-like chains of indirect calls.
;; about: call_indirect through two tables: hits, out of range, uninitialized element and signature mismatch.
;; group: wasm
(module
  (type $unary (func (param i32) (result i32)))
  (type $binary (func (param i32 i32) (result i32)))
  (type $wide (func (param i64) (result i64)))
  (type $action (func))
  (memory (export "memory") 1)
  (table $operators 10 funcref)
  (table $actions 3 funcref)
  (global $events (mut i32) (i32.const 0))

  (func $increment (type $unary) (i32.add (local.get 0) (i32.const 1)))
  (func $negate (type $unary) (i32.sub (i32.const 0) (local.get 0)))
  (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func $subtract (type $binary) (i32.sub (local.get 0) (local.get 1)))
  (func $square (type $wide) (i64.mul (local.get 0) (local.get 0)))
  (func $tick (type $action) (global.set $events (i32.add (global.get $events) (i32.const 1))))
  (func $shift (type $action) (global.set $events (i32.shl (global.get $events) (i32.const 4))))

  ;; Elements 0..4 and 7..8; 5, 6 and 9 stay null.
  (elem (table $operators) (i32.const 0) func $increment $negate $add $subtract $square)
  (elem (table $operators) (i32.const 7) func $negate $increment)
  ;; A later segment wins where two overlap: element 8 becomes $negate.
  (elem (table $operators) (i32.const 8) func $negate)
  (elem (table $actions) (i32.const 0) func $tick $shift)

  (func (export "apply1") (param $which i32) (param $x i32) (result i32)
    (call_indirect $operators (type $unary) (local.get $x) (local.get $which)))
  (func (export "apply2") (param $which i32) (param $x i32) (param $y i32) (result i32)
    (call_indirect $operators (type $binary) (local.get $x) (local.get $y) (local.get $which)))
  (func (export "apply64") (param $which i32) (param $x i64) (result i64)
    (call_indirect $operators (type $wide) (local.get $x) (local.get $which)))
  (func (export "act") (param $which i32) (result i32)
    (call_indirect $actions (type $action) (local.get $which))
    (global.get $events))
  ;; Runs the bytes at 64.. as a program over $operators, up to a byte of 255, at most 32 steps.
  (func (export "run_script") (param $x i32) (result i32)
    (local $at i32) (local $op i32)
    (block $end
      (loop $next
        (br_if $end (i32.ge_u (local.get $at) (i32.const 32)))
        (local.set $op (i32.load8_u offset=64 (local.get $at)))
        (br_if $end (i32.eq (local.get $op) (i32.const 255)))
        (local.set $x (call_indirect $operators (type $unary) (local.get $x) (local.get $op)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $x))
  ;; A constant index, which a compiler may resolve.
  (func (export "apply_constant") (param i32) (result i32)
    (call_indirect $operators (type $unary) (local.get 0) (i32.const 1)))
  (func (export "apply_constant_null") (param i32) (result i32)
    (call_indirect $operators (type $unary) (local.get 0) (i32.const 5)))
  (func (export "apply_constant_mismatch") (param i32) (result i32)
    (call_indirect $operators (type $unary) (local.get 0) (i32.const 2))))
