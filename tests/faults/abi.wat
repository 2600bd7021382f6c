;; What faults of the calling convention do that no program of the corpus shows.
(module
  (import "host" "log_sample" (func $log_sample (param i32 i32 i32 i32 i32 i64)))

  ;; abi-pair-stack: five words, then a pair, which lies on the stack at a multiple of 8: a word before it stays empty.
  (func (export "record") (param $id i32) (param $kind i32) (param $low i32) (param $high i32) (param $flags i32) (param $time i64)
    (result i64)
    (i64.add (local.get $time)
      (i64.extend_i32_u (i32.xor (local.get $flags)
        (i32.add (i32.add (local.get $id) (local.get $kind)) (i32.sub (local.get $high) (local.get $low)))))))

  ;; abi-pair-stack: the same towards the host.
  (func (export "log_range") (param $id i32) (param $time i64)
    (call $log_sample (local.get $id) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (local.get $time)))

  ;; abi-fifth-result: results after the fourth word lie in memory.
  (func (export "window") (param $low i32) (param $high i32) (result i32 i32 i32 i32 i32 i32)
    (local.get $low) (local.get $high) (i32.add (local.get $low) (local.get $high)) (i32.sub (local.get $high) (local.get $low))
    (i32.xor (local.get $low) (local.get $high)) (i32.and (local.get $low) (local.get $high))))
