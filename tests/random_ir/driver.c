/* Runs each call of a list and prints its result and a checksum of linear memory; traps come as UsageFaults. */
typedef unsigned u32; typedef u32 F(u32,u32,u32,u32,u32,u32);
extern unsigned char __linear_memory_base[]; extern u32 stack_top[];
extern u32 call_checked(F *, const u32 *);
static void put(char c) { register u32 r0 __asm__("r0") = 3; register void *r1 __asm__("r1") = &c;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory"); }
static void hex(u32 v) { for (int i = 28; i >= 0; i -= 4) put("0123456789abcdef"[v >> i & 15]); put('\n'); }
u32 host(u32 a, u32 b, u32 c, u32 d, u32 e, u32 f) {
  if ((u32)__builtin_frame_address(0) & 3) hex(0xbad);
  __asm__ volatile("" ::: "memory");
  return 3*a + 5*b + 7*c + 11*d + 13*e + 17*f; }
static u32 buffer[16]; static volatile u32 trapped; void *resume_sp; void *resume_pc;
u32 bad_registers;
void report(u32 value) {
  u32 sum = 0; for (u32 i = 0; i < 0x10000; i++) sum = sum * 31 + __linear_memory_base[i];
  hex(value); hex(sum); if (bad_registers) hex(0xdead0000 + bad_registers); }
extern F *const functions[]; extern const u32 arguments[][6]; extern const u32 count;
extern void reset_globals(void);
u32 next;
__attribute__((noreturn)) void finish(void) {
  register u32 r0 __asm__("r0") = 0x18; register u32 r1 __asm__("r1") = 0x20026;
  __asm__ volatile("bkpt 0xab" : : "r"(r0), "r"(r1)); for (;;); }
__attribute__((noreturn)) void loop(void) {
  while (next < count) {
    u32 n = next++;
    for (u32 i = 0; i < 0x10000; i++) __linear_memory_base[i] = (unsigned char)(i * 7 + (i >> 8));
    report(call_checked(functions[n], arguments[n]));
  }
  finish(); }
void fault_c(u32 *frame) {
  unsigned short code = *(unsigned short *)frame[6];
  report((code & 0xff00) == 0xde00 ? 0x77000000 | (code & 0xff) : 0xfa170000);
  bad_registers = 0;
  __asm__ volatile("ldr r0, =0xe000ed28\n ldr r1, [r0]\n str r1, [r0]" ::: "r0", "r1");
  frame[6] = (u32)loop & ~1u; frame[7] = 0x01000000;
  /* Restart the stack: the exception frame moves to its top. */
  u32 *to = stack_top - 16; for (int i = 0; i < 8; i++) to[i] = frame[i];
  __asm__ volatile("mov sp, %0\n ldr lr, =0xfffffff9\n bx lr" :: "r"(to)); __builtin_unreachable(); }
__attribute__((naked)) void fault(void) { __asm__("mov r0, sp\n b fault_c"); }
void start(void) { loop(); }
__attribute__((section(".vectors"))) const void *vectors[16] =
  { stack_top, start, fault, fault, fault, fault, fault };
__asm__(".syntax unified\n.thumb\n.thumb_func\n.global call_checked\ncall_checked:\n"
"push {r4-r11, lr}\n sub sp, #12\n mov r12, r0\n ldr r4, [r1, #16]\n str r4, [sp]\n ldr r4, [r1, #20]\n str r4, [sp, #4]\n"
"ldr r3, [r1, #12]\n ldr r2, [r1, #8]\n ldr r0, [r1]\n ldr r1, [r1, #4]\n"
"ldr r4, =0x44444444\n ldr r5, =0x55555555\n ldr r6, =0x66666666\n ldr r7, =0x77777777\n"
"ldr r8, =0x88888888\n ldr r9, =0x99999999\n ldr r10, =0xaaaaaaaa\n ldr r11, =0xbbbbbbbb\n blx r12\n"
"movs r2, #0\n ldr r1, =0x44444444\n cmp r1, r4\n it ne\n addne r2, #1\n ldr r1, =0x55555555\n cmp r1, r5\n it ne\n addne r2, #2\n"
"ldr r1, =0x66666666\n cmp r1, r6\n it ne\n addne r2, #4\n ldr r1, =0x77777777\n cmp r1, r7\n it ne\n addne r2, #8\n"
"ldr r1, =0x88888888\n cmp r1, r8\n it ne\n addne r2, #16\n ldr r1, =0x99999999\n cmp r1, r9\n it ne\n addne r2, #32\n"
"ldr r1, =0xaaaaaaaa\n cmp r1, r10\n it ne\n addne r2, #64\n ldr r1, =0xbbbbbbbb\n cmp r1, r11\n it ne\n addne r2, #128\n"
"ldr r1, =bad_registers\n str r2, [r1]\n add sp, #12\n pop {r4-r11, pc}\n.ltorg\n");
