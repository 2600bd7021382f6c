@ The functions of sample.wat by hand. Assemble: llvm-mc-19 -triple=thumbv7em-none-eabi -filetype=obj -o sample.o sample.s
    .syntax unified
    .eabi_attribute Tag_CPU_arch, 13
    .eabi_attribute Tag_CPU_arch_profile, 77
    .eabi_attribute Tag_THUMB_ISA_use, 2
    .text
    .balign 4
    .macro fn n, name
    .type __synth_f\n, %function
    .thumb_func
__synth_f\n:
    .ifnb \name
    .globl \name
    .type \name, %function
    .thumb_func
\name:
    .endif
    .endm
    .macro end n, name
    .size __synth_f\n, . - __synth_f\n
    .ifnb \name
    .size \name, . - \name
    .endif
    .balign 4
    .endm

    fn 1, inc
    adds r0, r0, #1
    bx lr
    end 1, inc

    fn 2, load
    movw r1, #:lower16:__synth_memory_bytes
    movt r1, #:upper16:__synth_memory_bytes
    ldr r1, [r1]
    cmp r1, #8
    blo 1f
    sub.w r1, r1, #8
    cmp r0, r1
    bhi 1f
    ldr r1, 2f
    ldr r0, [r1, r0]
    bx lr
1:  udf #4
    .balign 4
2:  .word __linear_memory_base + 4
    end 2, load

    fn 3, twice
    push {r4, lr}
    .reloc ., R_ARM_THM_CALL, __synth_f1
    .inst.w 0xf7fffffe
    pop {r4, lr}
    b.w log
    end 3, twice

    fn 4, via
    cmp r1, #3
    bhs 1f
    movw r2, #:lower16:__synth_table0
    movt r2, #:upper16:__synth_table0
    add.w r2, r2, r1, lsl #3
    ldrd r3, r2, [r2]
    cbz r3, 2f
    cmp r3, #1
    bne 3f
    push {r4, lr}
    blx r2
    pop {r4, pc}
1:  udf #5
2:  udf #6
3:  udf #7
    end 4, via

    fn 5, high
    ldr r0, 1f
    ldr r0, [r0, #4]
    bx lr
    .balign 4
1:  .word __synth_globals
    end 5, high

    fn 6, div
    orrs.w r12, r2, r3
    beq 1f
    push {r4, lr}
    bl __aeabi_uldivmod
    pop {r4, pc}
1:  udf #2
    end 6, div

    fn 7, fill
    ldr r3, 2f
    ldr r3, [r3]
    cmp r2, r3
    bhi 1f
    subs r3, r3, r2
    cmp r0, r3
    bhi 1f
    ldr r3, 3f
    add r0, r3
    mov r3, r1
    mov r1, r2
    mov r2, r3
    push {r4, lr}
    bl __aeabi_memset
    pop {r4, pc}
1:  udf #4
    .balign 4
2:  .word __synth_memory_bytes
3:  .word __linear_memory_base
    end 7, fill

    fn 8
    ldr r0, 1f
    movs r1, #0
    movs r2, #0x77
    strd r1, r2, [r0]
    bx lr
    .balign 4
1:  .word __synth_globals
    end 8

    .globl logout
    .type logout, %function
    .thumb_func
logout:
    b.w log
    .size logout, . - logout

    .globl __synth_instance_init
    .type __synth_instance_init, %function
    .thumb_func
__synth_instance_init:
    .reloc ., R_ARM_THM_JUMP24, __synth_f8
    .inst.w 0xf7ffbffe
    .size __synth_instance_init, . - __synth_instance_init

    .macro object name, size
    .globl \name
    .type \name, %object
    .size \name, \size
\name:
    .endm
    .section .data.synth_memory, "aw"
    .balign 8
    object __linear_memory_base, 65536
    .zero 16
    .ascii "hello, world"
    .zero 65536 - 28
    .section .data.synth_memory_bytes, "aw"
    .balign 4
    object __synth_memory_bytes, 4
    .word 65536
    .section .data.synth_globals, "aw"
    .balign 8
    object __synth_globals, 8
    .word 0x55667788, 0x11223344
    .section .rodata.synth_table0, "a"
    .balign 4
    object __synth_table0, 24
    .word 0, 0, 1
    .reloc ., R_ARM_ABS32, __synth_f1
    .word 0, 1
    .word log
