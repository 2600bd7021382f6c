// Saturating fractional arithmetic in Q15 and Q31, as DSP code uses it.
// about: Saturating Q15 and Q31 arithmetic: add, subtract, multiply with rounding, shift, divide, dot product, mix.
// group: math
// link: --export=left --export=right --export=mixed
#include "firmware.h"

int16_t left[64];
int16_t right[64];
int16_t mixed[64];

static inline int32_t sat16(int32_t x)
{
    return x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x;
}

int32_t EXPORT(q15_add)(int32_t a, int32_t b) { return sat16((int16_t)a + (int16_t)b); }
int32_t EXPORT(q15_sub)(int32_t a, int32_t b) { return sat16((int16_t)a - (int16_t)b); }
int32_t EXPORT(q15_neg)(int32_t a) { return sat16(-(int32_t)(int16_t)a); }

// Product, rounded to nearest; -1 times -1 saturates.
int32_t EXPORT(q15_mul)(int32_t a, int32_t b)
{
    return sat16(((int16_t)a * (int16_t)b + 0x4000) >> 15);
}

// Quotient; the divisor zero gives the extreme value with the sign of `a`.
int32_t EXPORT(q15_div)(int32_t a, int32_t b)
{
    int32_t n = (int16_t)a, d = (int16_t)b;
    if (d == 0) {
        return n < 0 ? INT16_MIN : INT16_MAX;
    }
    return sat16(n * 32768 / d);
}

// Shift left for positive `by`, right for negative, saturated.
int32_t EXPORT(q15_shift)(int32_t a, int32_t by)
{
    int32_t x = (int16_t)a;
    if (by < 0) {
        return x >> (by < -15 ? 15 : -by);
    }
    return by > 15 ? (x > 0 ? INT16_MAX : x < 0 ? INT16_MIN : 0) : sat16((int32_t)((uint32_t)x << by));
}

int32_t EXPORT(q31_add)(int32_t a, int32_t b)
{
    int64_t sum = (int64_t)a + b;
    return sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : (int32_t)sum;
}

int32_t EXPORT(q31_mul)(int32_t a, int32_t b)
{
    int64_t product = ((int64_t)a * b + 0x40000000) >> 31;
    return product > INT32_MAX ? INT32_MAX : (int32_t)product;
}

// Dot product with a 64-bit accumulator, returned in Q15 with saturation.
int32_t EXPORT(q15_dot)(const int16_t *a, const int16_t *b, uint32_t n)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += (int32_t)a[i] * b[i];
    }
    sum >>= 15;
    return sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : (int32_t)sum;
}

// Mixes `left` and `right` with two gains. Returns how many samples were clipped.
uint32_t EXPORT(q15_mix)(uint32_t n, int32_t gain_left, int32_t gain_right)
{
    uint32_t clipped = 0;
    for (uint32_t i = 0; i < n && i < 64; i++) {
        int32_t sum = q15_mul(left[i], gain_left) + q15_mul(right[i], gain_right);
        int32_t x = sat16(sum);
        clipped += x != sum;
        mixed[i] = (int16_t)x;
    }
    return clipped;
}
