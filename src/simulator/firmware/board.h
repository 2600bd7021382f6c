/* What test firmware needs of the board and of startup.S: calls, traps, output through semihosting, and the functions
   that compilers may call. Included once per image. */
#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;

extern u32 stack_bottom[], stack_top[];
extern void invoke(void (*code)(void), const u32 *words, u32 count);
extern void unwind(void);

/* Offsets are known to startup.S. */
struct { u32 r[12]; u32 sp_after; u32 saved_sp; u32 sp_before; } invocation;

#define TRAP_KINDS 10u
#define TRAP_FAULT 255u

static u32 trap, fault_status, fault_pc;

/* ---- printing ---- */

static char output[4096];
static u32 output_used;

static u32 semihosting(u32 operation, const void *argument) {
  register u32 r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void flush(void) {
  output[output_used] = 0;
  if (output_used) semihosting(0x04, output); /* SYS_WRITE0 */
  output_used = 0;
}

static void put(char c) {
  if (output_used + 1 == sizeof output) flush();
  output[output_used++] = c;
}

static void text(const char *s) {
  while (*s) put(*s++);
}

static void hex(u32 value) {
  for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
}

static void decimal(u32 value) {
  if (value >= 10) decimal(value / 10);
  put((char)('0' + value % 10));
}

static _Noreturn void finish(void) {
  flush();
  semihosting(0x18, (const void *)0x20026); /* SYS_EXIT, ADP_Stopped_ApplicationExit */
  for (;;) {}
}

/* ---- traps ---- */

struct frame { u32 r0, r1, r2, r3, r12, lr, pc, xpsr; };

/* `udf #kind` (T1) is a trap of the module, all else a fault. The thread goes on in `unwind`. */
void fault_seen(struct frame *frame, u32 exc_return) {
  volatile u32 *status = (volatile u32 *)0xe000ed28;
  fault_status = *status;
  trap = TRAP_FAULT;
  if (!(exc_return & 4)) { /* The fault was in a handler: nothing is left to return to. */
    text("! line 0: the firmware itself faulted\n");
    finish();
  }
  int stacked = !(fault_status & (1u << 12 | 1u << 4)); /* STKERR, MSTKERR: there is no frame. */
  if (!stacked) {
    frame = (struct frame *)(invocation.saved_sp - sizeof *frame);
    __asm__ volatile("msr psp, %0" : : "r"(frame));
    fault_pc = 0;
    frame->xpsr = 0;
  } else {
    fault_pc = frame->pc;
    int undefined = (fault_status & 0xffff0000u) == 1u << 16; /* UNDEFINSTR and nothing else. */
    u32 code = undefined && fault_pc < 0x400000 ? *(const uint16_t *)fault_pc : 0;
    if ((code & 0xff00) == 0xde00 && (code & 0xff) != 0 && (code & 0xff) < TRAP_KINDS) trap = code & 0xff;
  }
  *status = fault_status;
  frame->pc = (u32)unwind & ~1u;
  frame->xpsr = 1u << 24; /* Thumb, no IT block, no stack adjustment. */
}

/* ---- what the compiler may call ---- */

#ifndef BOARD_HAS_LIBRARY

void *memmove(void *to, const void *from, u32 count) {
  uint8_t *t = to;
  const uint8_t *f = from;
  if (t < f) {
    while (count--) *t++ = *f++;
  } else {
    while (count--) t[count] = f[count];
  }
  return to;
}

void *memcpy(void *to, const void *from, u32 count) { return memmove(to, from, count); }

void *memset(void *to, int byte, u32 count) {
  for (uint8_t *t = to; count--;) *t++ = (uint8_t)byte;
  return to;
}

int memcmp(const void *left, const void *right, u32 count) {
  const uint8_t *l = left, *r = right;
  while (count && *l == *r) count--, l++, r++;
  return count ? *l - *r : 0;
}

void aeabi_memset(void *to, u32 count, int byte) { memset(to, byte, count); }
void aeabi_memclr(void *to, u32 count) { memset(to, 0, count); }

#define ALIAS(name, target) __asm__(".global " name "\n.thumb_set " name ", " target);
ALIAS("__aeabi_memmove", "memmove") ALIAS("__aeabi_memmove4", "memmove") ALIAS("__aeabi_memmove8", "memmove")
ALIAS("__aeabi_memcpy", "memcpy") ALIAS("__aeabi_memcpy4", "memcpy") ALIAS("__aeabi_memcpy8", "memcpy")
ALIAS("__aeabi_memset", "aeabi_memset") ALIAS("__aeabi_memset4", "aeabi_memset")
ALIAS("__aeabi_memset8", "aeabi_memset")
ALIAS("__aeabi_memclr", "aeabi_memclr") ALIAS("__aeabi_memclr4", "aeabi_memclr")
ALIAS("__aeabi_memclr8", "aeabi_memclr")

#endif
