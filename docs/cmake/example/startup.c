/* Start-up and console of the example's firmware, for an emulated Cortex-M with semihosting. */
extern unsigned _data_from[], _data_start[], _data_end[], _bss_start[], _bss_end[], _stack_top[];

int main(void);

/* Source: "Semihosting for AArch32 and AArch64": SYS_WRITE0 4, SYS_EXIT_EXTENDED 0x20, reason ADP_Stopped_ApplicationExit 0x20026. */
static void host(unsigned operation, const void *argument) {
  register unsigned r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void put_text(const char *text) {
  host(4, text);
}

static void leave(unsigned status) {
  unsigned block[2] = {0x20026, status};
  host(0x20, block);
  for (;;)
    ;
}

static void fault(void) {
  put_text("fault\n");
  leave(1);
}

void start(void);

void start(void) {
  for (unsigned *to = _data_start, *from = _data_from; to < _data_end;)
    *to++ = *from++;
  for (unsigned *to = _bss_start; to < _bss_end;)
    *to++ = 0;
  leave((unsigned)main());
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    _stack_top, (const void *)start, (const void *)fault, (const void *)fault,
    (const void *)fault, (const void *)fault, (const void *)fault,
};
