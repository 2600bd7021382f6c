;; Growth by a word that the optimizer knows, in a loop: the code reaches the new size before the form it comes from does, and which sizes it
;; may be is known there by its own way only.
(module
  (type (func (param i64 i32)))
  (type (func (param i32) (result i32)))
  (type (func (param i64)))
  (import "env" "tell" (func (type 2) (param i64)))
  (table 5 funcref)
  (memory 2 3)
  (global (mut i32) i32.const 0)
  (global (mut i32) i32.const 0)
  (global (mut i32) i32.const 0)
  (export "rounds" (func 1))
  (func (type 0) (param i64 i32)
    (local i32 i32 i64 i32 i32 i32 i32 i32 i32)
    i32.const 1
    local.set 8
    block
      loop
        local.get 4
        call 0
        local.get 2
        memory.grow
        drop
        local.get 7
        global.set 2
        local.get 10
        local.get 10
        local.get 10
        memory.copy
        i32.const 0
        br_if 1
        global.get 1
        i32.const 7
        i32.and
        i32.const 1
        i32.add
        local.set 9
        block
          loop
            local.get 1
            i32.const 0
            call_indirect (type 1)
            local.set 2
            local.get 5
            if
            end
            i32.const 0
            i32.const 3
            call_indirect (type 1)
            local.set 7
            global.get 1
            i32.const 1020
            i32.and
            local.get 4
            local.get 4
            i64.shr_u
            i64.store8 offset=2571
            local.get 9
            if
              local.get 6
              local.set 2
              local.get 9
              local.get 9
              i32.store16 offset=11
            else
              local.get 7
              global.get 0
              i32.store
            end
            i32.const 0
            br_if 0
          end
        end
        local.get 1
        if
        end
        local.get 8
        br_if 0
      end
    end
  )
)
