(module
  (memory (export "memory") 1)
  (func (export "f") (param $to i32) (param $from i32) (param $n i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $n))))
