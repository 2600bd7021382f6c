// Arithmetic in 64 bits as time stamps and accumulators need it, with every division checked.
// about: 64-bit add with carry, products, signed and unsigned division and remainder, comparison, shifts, time conversion.
// group: math
// link: --export=wide
#include "firmware.h"

uint64_t wide[4];

uint64_t EXPORT(divide_u64)(uint64_t a, uint64_t b) { return a / b; }
uint64_t EXPORT(remainder_u64)(uint64_t a, uint64_t b) { return a % b; }
int64_t EXPORT(divide_s64)(int64_t a, int64_t b) { return a / b; }
int64_t EXPORT(remainder_s64)(int64_t a, int64_t b) { return a % b; }

// Division that rounds to minus infinity; by zero it gives 0, and the one overflow gives the dividend.
int64_t EXPORT(floor_divide)(int64_t a, int64_t b)
{
    if (b == 0) {
        return 0;
    }
    if (b == -1) {
        return (int64_t)(0 - (uint64_t)a);
    }
    int64_t q = a / b;
    return q - ((a % b != 0) & ((a < 0) != (b < 0)));
}

uint64_t EXPORT(multiply)(uint64_t a, uint64_t b) { return a * b; }

// The upper half of the 128-bit product.
uint64_t EXPORT(multiply_high)(uint64_t a, uint64_t b)
{
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t low = al * bl;
    uint64_t m1 = ah * bl + (low >> 32);
    uint64_t m2 = al * bh + (uint32_t)m1;
    return ah * bh + (m1 >> 32) + (m2 >> 32);
}

// Adds with a carry in; stores the sum in wide[0] and returns the carry out.
uint32_t EXPORT(add_carry)(uint64_t a, uint64_t b, uint32_t carry)
{
    uint64_t sum = a + b;
    uint32_t out = sum < a;
    sum += carry & 1;
    out |= sum < (carry & 1);
    wide[0] = sum;
    return out;
}

int32_t EXPORT(compare_s64)(int64_t a, int64_t b) { return (a > b) - (a < b); }
int32_t EXPORT(compare_u64)(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

uint64_t EXPORT(shift_left)(uint64_t x, uint32_t n) { return n < 64 ? x << n : 0; }
uint64_t EXPORT(shift_right)(uint64_t x, uint32_t n) { return n < 64 ? x >> n : 0; }
int64_t EXPORT(shift_right_signed)(int64_t x, uint32_t n) { return x >> (n < 63 ? n : 63); }
uint64_t EXPORT(rotate_left)(uint64_t x, uint32_t n) { return x << (n & 63) | x >> (-n & 63); }
int64_t EXPORT(absolute)(int64_t x) { return x < 0 ? (int64_t)(0 - (uint64_t)x) : x; }

// Cycles to microseconds at a clock in hertz, without overflow in between. A clock of 0 gives 0.
uint64_t EXPORT(cycles_to_us)(uint64_t cycles, uint32_t hertz)
{
    if (hertz == 0) {
        return 0;
    }
    return cycles / hertz * 1000000u + cycles % hertz * 1000000u / hertz;
}

// Splits seconds since 1970 into a date: year << 16 | month << 8 | day. Negative times give 0.
uint32_t EXPORT(civil_date)(int64_t seconds)
{
    if (seconds < 0 || seconds > 0x3fffffffffll) {
        return 0;
    }
    uint32_t days = (uint32_t)(seconds / 86400) + 719468;
    uint32_t era = days / 146097;
    uint32_t doe = days % 146097;
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153;
    uint32_t day = doy - (153 * mp + 2) / 5 + 1;
    uint32_t month = mp < 10 ? mp + 3 : mp - 9;
    return (yoe + era * 400 + (month <= 2)) << 16 | month << 8 | day;
}

// Linear congruential generator of 64 bits (Knuth's MMIX constants), `steps` steps from `seed`.
uint64_t EXPORT(congruential)(uint64_t seed, uint32_t steps)
{
    for (uint32_t i = 0; i < steps && i < 10000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
    }
    return seed;
}
