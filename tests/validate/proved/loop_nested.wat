;;! target: cortex-m4
;;! bounds: software
;; Nested loops: a matrix of rows times columns bytes is filled with row * 16 + column.
(module
  (memory 1)
  (func (export "fill") (param $rows i32) (param $columns i32) (local $row i32) (local $column i32) (local $at i32)
    (block $done
      (loop $next_row
        (br_if $done (i32.ge_s (local.get $row) (local.get $rows)))
        (local.set $column (i32.const 0))
        (block $row_done
          (loop $next_column
            (br_if $row_done (i32.ge_s (local.get $column) (local.get $columns)))
            (i32.store8 (local.get $at) (i32.add (i32.shl (local.get $row) (i32.const 4)) (local.get $column)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (local.set $column (i32.add (local.get $column) (i32.const 1)))
            (br $next_column)))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $next_row)))))
