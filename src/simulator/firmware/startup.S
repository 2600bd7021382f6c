@ Reset, traps and calls of the test firmware, for a Cortex-M4 in QEMU.
@ Threads run on the process stack, so that an exhausted stack still leaves the handlers one of their own.
  .syntax unified
  .cpu cortex-m4
  .thumb

  .section .vectors, "a"
  .word handler_stack_top
  .word reset
  .rept 14
  .word fault_entry
  .endr

  .text
  .global reset
  .type reset, %function
reset:
  ldr r0, =stack_bottom
  ldr r1, =stack_top
  ldr r2, =0xdeadbeef
1:
  str r2, [r0], #4
  cmp r0, r1
  blo 1b
  msr psp, r1
  movs r0, #2
  msr control, r0
  isb
  ldr r0, =bss_start
  ldr r1, =bss_end
  bl clear
  ldr r0, =memory_zero_start
  ldr r1, =memory_zero_end
  bl clear
  bl firmware_main
  b .
  .size reset, . - reset

@ Zeroes whole words from r0 up to r1.
clear:
  movs r2, #0
2:
  cmp r0, r1
  it hs
  bxhs lr
  str r2, [r0], #4
  b 2b

@ struct machine invocation, see driver.c: what `invoke` found after the call.
  .set AFTER_SP, 48
  .set SAVED_SP, 52

@ void invoke(function, const uint32_t *words, uint32_t count): calls `function` as the AAPCS has it.
@ words[0..4] go to r0-r3, the other ones onto the stack; r4-r11 get sentinels; all registers go to `invocation`.
  .global invoke
  .type invoke, %function
invoke:
  push {r4-r11, lr}
  sub sp, sp, #4
  ldr r4, =invocation
  str sp, [r4, #SAVED_SP]
  mov ip, r0
  mov r5, r1
  subs r2, r2, #4
  bls 4f
  adds r3, r2, #1
  bic r3, r3, #1
  sub sp, sp, r3, lsl #2
  movs r6, #0
3:
  adds r7, r6, #4
  ldr r7, [r5, r7, lsl #2]
  str r7, [sp, r6, lsl #2]
  adds r6, r6, #1
  cmp r6, r2
  blo 3b
4:
  str sp, [r4, #AFTER_SP + 8]
@ What the firmware itself left on the stack below here is no use of the function: 1 KiB is poisoned again.
  mov r6, sp
  ldr r7, =0xdeadbeef
  mov r3, #256
5:
  str r7, [r6, #-4]!
  subs r3, r3, #1
  bne 5b
  ldm r5, {r0-r3}
  ldr r4, =0x5e470004
  ldr r5, =0x5e470005
  ldr r6, =0x5e470006
  ldr r7, =0x5e470007
  ldr r8, =0x5e470008
  ldr r9, =0x5e470009
  ldr r10, =0x5e47000a
  ldr r11, =0x5e47000b
  blx ip
  ldr ip, =invocation
  stm ip, {r0-r11}
  str sp, [ip, #AFTER_SP]
  .global unwind
  .type unwind, %function
unwind:
  ldr ip, =invocation
  ldr sp, [ip, #SAVED_SP]
  add sp, sp, #4
  pop {r4-r11, pc}
  .size invoke, . - invoke

@ All exceptions: hands the frame of the interrupted thread to fault_seen, which lets it go on in `unwind`.
  .type fault_entry, %function
fault_entry:
  mrs r0, psp
  mov r1, lr
  b fault_seen
  .size fault_entry, . - fault_entry

@ A host function, called with its import's index in ip: its words, as the AAPCS lays them out, become one array.
@ Registers that a call may change are then changed. The host has a stack of its own, so that it is no use of the caller's.
  .global host_entry
  .type host_entry, %function
host_entry:
  push {r0-r3}
  mov r1, sp
  push {r4, lr}
  mov r4, sp
  ldr r0, =host_stack_top
  mov sp, r0
  mov r0, ip
  bl host_call
  mov sp, r4
  ldr r4, =host_wide
  ldr r4, [r4]
  cbnz r4, 5f
  ldr r1, =0xbad00001
5:
  ldr r2, =0xbad00002
  ldr r3, =0xbad00003
  ldr ip, =0xbad0000c
  pop {r4, lr}
  add sp, sp, #16
  cmp sp, #1
  bx lr
  .size host_entry, . - host_entry

  .bss
  .balign 8
  .space 4096
host_stack_top:
