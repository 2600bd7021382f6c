;;! function: k_sem_give
;;! corpus: semaphore
;;! bounds: none
;;! absent: join split shl64 shru64 or64 and64 const64 select64

;; The kernel's semaphore: its decision packs action and count into 64 bits, and the caller unpacks them at once.
;;= k_sem_give after if_convert
;;= func 8 -> ()
;;= b0(v0: i32):
;;=     v6 = call 0
;;=     v7 = load.word +0x8 v0
;;=     v8 = load.word +0x4 v0
;;=     v9 = load.word +0x0 v0
;;=     v10 = const 0x0
;;=     v11 = load.word +0x1000 v10
;;=     v12 = const 0x1
;;=     v13 = add v11, v12
;;=     store.word +0x1000 v10, v13
;;=     v33 = const 0x0
;;=     v16 = cmp.eq v7, v33
;;=     branch v16, b2(), b1()
;;= b1():
;;=     v22 = const 0x1
;;=     jump b3(v22, v9)
;;= b2():
;;=     v17 = cmp.ltu v9, v8
;;=     v18 = const 0x1
;;=     v19 = add v9, v18
;;=     v20 = const 0x0
;;=     v21 = const 0x2
;;=     v35 = select v17, v20, v21
;;=     v36 = cmp.ltu v9, v8
;;=     v37 = select v36, v19, v8
;;=     jump b3(v35, v37)
;;= b3(v4: i32, v5: i32):
;;=     v23 = const 0x1
;;=     v24 = cmp.ne v4, v23
;;=     branch v24, b5(), b4()
;;= b4():
;;=     v25 = const 0xffffffff
;;=     v26 = add v7, v25
;;=     store.word +0x8 v0, v26
;;=     v27 = const 0x0
;;=     v28 = load.word +0x1008 v27
;;=     v29 = const 0x1
;;=     v30 = add v28, v29
;;=     store.word +0x1008 v27, v30
;;=     v31 = const 0xc
;;=     v32 = add v0, v31
;;=     call 1 v32, v27
;;=     call 2 v6
;;=     return
;;= b5():
;;=     store.word +0x0 v0, v5
;;=     call 3 v6
;;=     return
