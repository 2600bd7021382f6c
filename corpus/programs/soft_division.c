// Division as the runtime of a core without a divider does it.
// about: Software division: restoring, by normalised shifts, by reciprocal, 64 by 32 bits, and decimal conversion.
// group: math
// link: --export=digits
#include "firmware.h"

uint8_t digits[24];

// Quotient in the low word, remainder in the high word. Division by zero gives all ones and the dividend.
uint64_t EXPORT(udivmod_restoring)(uint32_t n, uint32_t d)
{
    if (d == 0) {
        return 0xffffffffu | (uint64_t)n << 32;
    }
    uint32_t quotient = 0;
    uint64_t remainder = 0;
    for (int bit = 31; bit >= 0; bit--) {
        remainder = remainder << 1 | (n >> bit & 1);
        if (remainder >= d) {
            remainder -= d;
            quotient |= 1u << bit;
        }
    }
    return quotient | remainder << 32;
}

// The same, starting at the highest bit that can be set.
uint64_t EXPORT(udivmod_normalised)(uint32_t n, uint32_t d)
{
    if (d == 0) {
        return 0xffffffffu | (uint64_t)n << 32;
    }
    if (d > n) {
        return (uint64_t)n << 32;
    }
    int shift = __builtin_clz(d) - __builtin_clz(n);
    uint32_t quotient = 0;
    d <<= shift;
    for (; shift >= 0; shift--) {
        quotient <<= 1;
        if (n >= d) {
            n -= d;
            quotient |= 1;
        }
        d >>= 1;
    }
    return quotient | (uint64_t)n << 32;
}

// Signed division towards zero with the conventions of RISC hardware: no trap at all.
int32_t EXPORT(sdiv_total)(int32_t n, int32_t d)
{
    uint32_t un = n < 0 ? 0u - (uint32_t)n : (uint32_t)n;
    uint32_t ud = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
    if (d == 0) {
        return -1;
    }
    uint32_t q = (uint32_t)udivmod_normalised(un, ud);
    return (int32_t)((n ^ d) < 0 ? 0u - q : q);
}

// 64 by 32 bits by long division in base 2^16. Division by zero gives all ones.
uint64_t EXPORT(udiv64_by32)(uint64_t n, uint32_t d)
{
    if (d == 0) {
        return ~0ull;
    }
    uint64_t quotient = 0, remainder = 0;
    for (int shift = 48; shift >= 0; shift -= 16) {
        remainder = remainder << 16 | (n >> shift & 0xffff);
        quotient = quotient << 16 | remainder / d;
        remainder %= d;
    }
    return quotient;
}

// Divisions by constants, which compilers turn into multiplications.
uint32_t EXPORT(divide_by_constants)(uint32_t x, uint32_t which)
{
    switch (which) {
    case 0: return x / 3;
    case 1: return x / 5;
    case 2: return x / 7;
    case 3: return x / 10;
    case 4: return x / 100;
    case 5: return x / 1000;
    case 6: return x / 641;
    case 7: return x / 0x80000001u;
    case 8: return (uint32_t)((int32_t)x / 3);
    case 9: return (uint32_t)((int32_t)x / -7);
    case 10: return (uint32_t)((int32_t)x % 10);
    case 11: return (uint32_t)((int32_t)x / 16);
    case 12: return (uint32_t)((int32_t)x % 16);
    default: return x;
    }
}

// Decimal digits of x, most significant first, into `digits`. Returns how many.
uint32_t EXPORT(decimal)(uint64_t x)
{
    uint32_t n = 0;
    do {
        digits[n++] = (uint8_t)('0' + x % 10);
        x /= 10;
    } while (x);
    for (uint32_t i = 0; i < n / 2; i++) {
        uint8_t t = digits[i];
        digits[i] = digits[n - 1 - i];
        digits[n - 1 - i] = t;
    }
    return n;
}

// Binary coded decimal by shift and add-three, modulo 10^8.
uint32_t EXPORT(to_bcd)(uint32_t x)
{
    uint32_t bcd = 0;
    for (int bit = 31; bit >= 0; bit--) {
        // A digit of five or more gets three added, so that the shift carries into the next digit.
        uint32_t five = (bcd + 0x33333333u) & 0x88888888u;
        bcd += (five >> 3) * 3;
        bcd = bcd << 1 | (x >> bit & 1);
    }
    return bcd;
}
