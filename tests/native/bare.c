/* Start-up of a host that is linked without synth, for an emulated mps2-an386 whose loader fills memory: vectors, text by semihosting. */
#include <stdint.h>

int main(void);
void __synth_instance_init(void) __attribute__((weak));

#ifdef MEMORY_BYTES
uint8_t __linear_memory_base[MEMORY_BYTES] __attribute__((aligned(64)));
#endif

/* Source: Semihosting for AArch32 and AArch64, BKPT 0xab. */
static uint32_t semihosting(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void leave(uint32_t status)
{
    uint32_t block[2] = {0x20026, status};

    semihosting(0x20, block);
    for (;;) {
    }
}

void __synth_put_text(const char *text)
{
    semihosting(0x04, text);
}

void __synth_put_word(uint32_t word)
{
    char digits[9];

    for (int i = 0; i < 8; i++) {
        digits[i] = "0123456789abcdef"[word >> (28 - 4 * i) & 15];
    }
    digits[8] = 0;
    __synth_put_text(digits);
}

void _start(void)
{
    if (__synth_instance_init) {
        __synth_instance_init();
    }
    leave((uint32_t)main());
}

static void fault(void)
{
    __synth_put_text("fault\n");
    leave(255);
}

__attribute__((section(".vectors"), used)) const uintptr_t vectors[16] = {
    0x20300000, (uintptr_t)_start, (uintptr_t)fault, (uintptr_t)fault, (uintptr_t)fault, (uintptr_t)fault, (uintptr_t)fault,
};
