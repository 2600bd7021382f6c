/* The host of the module TICKS in tests/native.rs: its variables are what the module reads and writes. */
#include <stdint.h>

void __synth_put_text(const char *text);

uint32_t tick(uint32_t by);
uint64_t pick(uint32_t i);
void put(uint32_t i, uint32_t v);

uint32_t host_ticks = 40;
uint8_t host_table[40] = {0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 1, 0, 0, 0, 0, 0, 0, 0xff};

int main(void)
{
    int wrong = 0;

    wrong += tick(1) != 41;
    wrong += host_ticks != 41;
    host_ticks = 0xfffffffe;
    wrong += tick(3) != 1;
    wrong += host_ticks != 1;
    wrong += pick(0) != 0x8877665544332211ull;
    wrong += pick(1) != 0xff00000000000001ull;
    put(39, 0x1ab);
    wrong += host_table[39] != 0xab;
    put(8, 0);
    wrong += pick(0) != 0x8877665544332200ull;
    __synth_put_text(wrong ? "wrong\n" : "all as expected\n");
    return wrong;
}
