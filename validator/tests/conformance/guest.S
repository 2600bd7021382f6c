@ Runs the cases that the host laid down at CASES on a Cortex-M4 and writes what each did to standard output.
@
@ A case is run in thread mode on the process stack and ends by an exception, which is always entered here: `udf`
@ where the host wants an end, or a fault. The handler writes the outcome, then sets up the next case and returns
@ into it. Only r0-r3, r12, lr, pc and xPSR go through memory: the frame lies below the case's sp, where the
@ semantics knows nothing, and is cleared afterwards.
@
@ A case: words pc, xPSR, sp, lr, r0 to r12, number of windows; each window: address, number of words (not 0), words.
@ The list ends with pc 0. An outcome: r4 to r11, the exception frame, sp, IPSR, CFSR, EXC_RETURN, the windows' words.
@ After all outcomes: the number of words outside the windows that were written to, and the address of one.
@ Source: DDI 0403E, B1.5.6 to B1.5.8 (exception entry and return), B3.2 (registers); semihosting: Arm 100863.
  .syntax unified
  .cpu cortex-m4
  .thumb

  .set HANDLER_STACK, 0x20080000
  .set STATE, 0x20070000
  .set CASES, 0x21100000
  .set OUTCOMES, 0x21f00000
  .set OUTCOMES_LIMIT, 0x21ff0000
  .set CASE_WINDOWS, 17 * 4

  .section .vectors, "a"
  .word HANDLER_STACK
  .word reset + 1
  .rept 14
  .word handler + 1
  .endr

  .text
  .global reset
reset:
  ldr r0, =0xe000ed24      @ SHCSR: usage, bus and memory faults have exceptions of their own.
  ldr r1, =0x00070000
  str r1, [r0]
  ldr r0, =0xe000ed14      @ CCR: STKALIGN; unaligned accesses and division by zero do not fault.
  mov r1, #0x200
  str r1, [r0]
  movs r0, #1              @ SYS_OPEN of the standard output for writing.
  ldr r1, =open_block
  bkpt 0xab
  ldr r1, =STATE
  str r0, [r1, #8]
  movs r0, #0
  str r0, [r1]             @ No case runs yet.
  ldr r0, =OUTCOMES
  str r0, [r1, #4]
  udf #0

handler:
  mrs r0, psp
  ldr r1, =STATE
  ldr r2, [r1]
  ldr r3, [r1, #4]
  cmp r2, #0
  beq first
  stmia r3!, {r4-r11}
  ldmia r0, {r4-r11}
  stmia r3!, {r4-r11}
  tst r11, #0x200          @ xPSR bit 9: the frame was aligned by one word.
  add r4, r0, #32
  it ne
  addne r4, r4, #4
  mrs r5, ipsr
  ldr r6, =0xe000ed28
  ldr r7, [r6]
  str r7, [r6]             @ CFSR bits are cleared by writing ones.
  stmia r3!, {r4, r5, r7, lr}
  add r4, r2, #CASE_WINDOWS
  ldr r5, [r4], #4
  movs r9, #0
1:
  cbz r5, 3f
  ldr r6, [r4], #4
  ldr r7, [r4], #4
  add r4, r4, r7, lsl #2
2:
  ldr r8, [r6]
  str r8, [r3], #4
  str r9, [r6], #4
  subs r7, r7, #1
  bne 2b
  subs r5, r5, #1
  b 1b
3:
  ldr r5, [r2, #8]         @ Clears both exception frames.
  sub r5, r5, #32
  movs r7, #8
4:
  str r9, [r5], #4
  str r9, [r0], #4
  subs r7, r7, #1
  bne 4b
  str r9, [r0]
  ldr r5, =OUTCOMES_LIMIT
  cmp r3, r5
  blo next
  bl flush
  b next
first:
  ldr r4, =CASES

@ r4: the next case; r3: where its outcome goes; r1: the state.
next:
  str r3, [r1, #4]
  str r4, [r1]
  ldr r5, [r4]
  cmp r5, #0
  beq finish
  add r2, r4, #CASE_WINDOWS
  ldr r5, [r2], #4
5:
  cbz r5, 7f
  ldr r6, [r2], #4
  ldr r7, [r2], #4
6:
  ldr r8, [r2], #4
  str r8, [r6], #4
  subs r7, r7, #1
  bne 6b
  subs r5, r5, #1
  b 5b
7:
  ldr r0, [r4, #8]
  sub r0, r0, #32
  msr psp, r0
  add r2, r4, #16
  ldmia r2, {r5-r8}
  stmia r0!, {r5-r8}
  ldr r5, [r4, #64]
  ldr r6, [r4, #12]
  ldr r7, [r4]
  ldr r8, [r4, #4]
  stmia r0!, {r5-r8}
  add r2, r4, #32
  ldmia r2, {r4-r11}
  ldr lr, =0xfffffffd      @ Thread mode, process stack.
  bx lr

@ Writes the outcomes up to r3 out; r3 is then the start again.
flush:
  push {r0, r1, r2, r4, lr}
  ldr r4, =STATE
  ldr r0, [r4, #8]
  ldr r2, =OUTCOMES
  subs r3, r3, r2
  add r1, r4, #16
  stmia r1, {r0, r2, r3}
  movs r0, #5              @ SYS_WRITE
  bkpt 0xab
  ldr r3, =OUTCOMES
  pop {r0, r1, r2, r4, pc}

@ Everything that cases can reach must be zero again.
finish:
  movs r6, #0
  movs r7, #0
  ldr r4, =areas
8:
  ldr r0, [r4], #4
  cbz r0, 10f
  ldr r2, [r4], #4
9:
  ldr r5, [r0], #4
  cmp r5, #0
  itt ne
  addne r6, r6, #1
  subne r7, r0, #4
  cmp r0, r2
  blo 9b
  b 8b
10:
  stmia r3!, {r6, r7}
  bl flush
  movs r0, #0x18           @ SYS_EXIT, ADP_Stopped_ApplicationExit
  ldr r1, =0x20026
  bkpt 0xab
  b .

  .ltorg
  .align 2
open_block:
  .word name, 4, 3
areas:
  .word 0x21000000, 0x21010000
  .word 0x20100000, 0x20101000
  .word 0x201f0000, 0x203f0100
  .word 0
name:
  .asciz ":tt"
