;; What faults of legalization do that no program of the corpus shows.
(module
  ;; legalize-signed-product: only one factor is a word extended by its sign; the other has a high word of its own.
  (func (export "scale_position") (param $position i64) (param $gain i32) (result i64)
    (i64.mul (local.get $position) (i64.extend_i32_s (local.get $gain))))

  ;; legalize-signed-product: ticks that count past 2^31 are not negative; the drift, in parts per billion, may be.
  (func (export "clock_drift") (param $ticks i32) (param $drift i32) (result i64)
    (i64.mul (i64.extend_i32_u (local.get $ticks)) (i64.extend_i32_s (local.get $drift)))))
