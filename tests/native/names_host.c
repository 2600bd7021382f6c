/* The host of tests/native/names.rs. */
#include <stdint.h>

void __synth_put_text(const char *text);
void __synth_put_word(uint32_t word);

uint32_t name_copy(uint32_t which, char *to);
const uint32_t *ring_put(uint32_t word);

int main(void)
{
    const uint32_t *ring;
    char name[16];

    for (uint32_t which = 1; which < 4; which++) {
        __synth_put_word(name_copy(which, name));
        __synth_put_text(" ");
        __synth_put_text(name);
        __synth_put_text("\n");
    }
    ring_put(7);
    ring_put(8);
    ring = ring_put(9);
    __synth_put_word(ring[7] << 8 | ring[0]);
    __synth_put_text("\n");
    return 0;
}
