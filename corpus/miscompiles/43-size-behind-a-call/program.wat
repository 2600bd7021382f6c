;; What faults of selection do where memory grows: with `--memory-pages 3`. Without that option memory keeps its size.
(module
  (memory (export "memory") 1 4)

  ;; The calls of a test grow memory by this.
  (func (export "grow") (param $pages i32) (result i32)
    (memory.grow (local.get $pages)))

  ;; select-bounds-size: a log in the second page, which memory may not have yet.
  (func (export "log_read") (param $at i32) (result i32)
    (i32.load offset=65536 (local.get $at)))
  (func (export "log_write") (param $at i32) (param $word i32)
    (i32.store offset=65536 (local.get $at) (local.get $word)))

  ;; select-cache-across-call: memory grows in the call between two accesses.
  (func $more (param $pages i32) (param $depth i32) (result i32)
    (if (result i32) (i32.eqz (local.get $depth))
      (then (memory.grow (local.get $pages)))
      (else (call $more (local.get $pages) (i32.sub (local.get $depth) (i32.const 1))))))
  (func (export "extend_and_store") (param $from i32) (param $to i32) (result i32)
    (local $word i32)
    (local.set $word (i32.load (local.get $from)))
    (drop (call $more (i32.const 1) (i32.const 2)))
    (i32.store (local.get $to) (local.get $word))
    (i32.load (local.get $to))))
