// Counting and moving bits, for priority bitmaps and allocation maps.
// about: Population counts, leading and trailing zeros in 32 and 64 bits, reversal, parity, ranks and a ready bitmap.
// group: math
// link: --export=ready
#include "firmware.h"

#define PRIORITIES 96

uint32_t ready[PRIORITIES / 32];

uint32_t EXPORT(popcount32)(uint32_t x) { return (uint32_t)__builtin_popcount(x); }
uint32_t EXPORT(popcount64)(uint64_t x) { return (uint32_t)__builtin_popcountll(x); }

// The zero argument has a defined answer here, the width.
uint32_t EXPORT(leading_zeros32)(uint32_t x) { return x ? (uint32_t)__builtin_clz(x) : 32; }
uint32_t EXPORT(leading_zeros64)(uint64_t x) { return x ? (uint32_t)__builtin_clzll(x) : 64; }
uint32_t EXPORT(trailing_zeros32)(uint32_t x) { return x ? (uint32_t)__builtin_ctz(x) : 32; }
uint32_t EXPORT(trailing_zeros64)(uint64_t x) { return x ? (uint32_t)__builtin_ctzll(x) : 64; }

// The same by masks, as on a core without the instruction.
uint32_t EXPORT(popcount32_masks)(uint32_t x)
{
    x -= (x >> 1) & 0x55555555u;
    x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0fu;
    return (x * 0x01010101u) >> 24;
}

// Kernighan's loop: one turn per set bit.
uint32_t EXPORT(popcount64_loop)(uint64_t x)
{
    uint32_t n = 0;
    while (x) {
        x &= x - 1;
        n++;
    }
    return n;
}

uint32_t EXPORT(reverse32)(uint32_t x)
{
    x = ((x >> 1) & 0x55555555u) | ((x & 0x55555555u) << 1);
    x = ((x >> 2) & 0x33333333u) | ((x & 0x33333333u) << 2);
    x = ((x >> 4) & 0x0f0f0f0fu) | ((x & 0x0f0f0f0fu) << 4);
    return __builtin_bswap32(x);
}

uint64_t EXPORT(reverse64)(uint64_t x)
{
    return ((uint64_t)reverse32((uint32_t)x) << 32) | reverse32((uint32_t)(x >> 32));
}

uint32_t EXPORT(parity64)(uint64_t x)
{
    uint32_t y = (uint32_t)(x ^ (x >> 32));
    y ^= y >> 16;
    y ^= y >> 8;
    y ^= y >> 4;
    return (0x6996u >> (y & 15)) & 1;
}

// The smallest power of two not below x; 0 where it does not fit.
uint32_t EXPORT(next_power_of_two)(uint32_t x)
{
    if (x <= 1) {
        return 1;
    }
    uint32_t zeros = (uint32_t)__builtin_clz(x - 1);
    return zeros == 0 ? 0 : 1u << (32 - zeros);
}

// Position of the n-th set bit (n from 0), or -1.
int32_t EXPORT(select_bit64)(uint64_t x, uint32_t n)
{
    for (; x; x &= x - 1) {
        if (n-- == 0) {
            return (int32_t)__builtin_ctzll(x);
        }
    }
    return -1;
}

// Marks a priority as ready or not. Returns 0, or -22 (invalid argument).
int32_t EXPORT(ready_mark)(uint32_t priority, uint32_t on)
{
    if (priority >= PRIORITIES) {
        return -22;
    }
    uint32_t bit = 0x80000000u >> (priority & 31);
    if (on) {
        ready[priority / 32] |= bit;
    } else {
        ready[priority / 32] &= ~bit;
    }
    return 0;
}

// The most urgent ready priority (the smallest number), or PRIORITIES when nothing is ready.
uint32_t EXPORT(ready_first)(void)
{
    for (uint32_t word = 0; word < PRIORITIES / 32; word++) {
        if (ready[word]) {
            return word * 32 + (uint32_t)__builtin_clz(ready[word]);
        }
    }
    return PRIORITIES;
}
