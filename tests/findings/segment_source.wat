(module
  (memory (export "memory") 1)
  (data $table "calibration-table-v2\00\7f\80")
  ;; Where no bounds are checked, the source of an initialisation is in its segment because the module's is.
  (func (export "load") (param $d i32) (param $s i32) (param $n i32) (result i32)
    (memory.init $table (local.get $d) (local.get $s) (local.get $n))
    (i32.load16_u offset=1 (local.get $d))))
