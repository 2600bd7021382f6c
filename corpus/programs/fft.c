// A radix-2 FFT over 64 complex points in Q15, scaled by two in every stage so that nothing overflows.
// about: In-place 64-point radix-2 FFT in Q15 with bit reversal, power spectrum and peak search, and the Goertzel algorithm.
// group: control
// link: --export=points --export=power
#include "firmware.h"

#define POINTS 64u
#define LOG2   6

struct complex {
    int16_t re, im;
};

struct complex points[POINTS];
uint32_t power[POINTS];

// exp(-2 pi i k / 64) in Q15.
static const struct complex twiddle[POINTS / 2] = {
    { 32767, 0 },
    { 32610, -3212 },
    { 32138, -6393 },
    { 31357, -9512 },
    { 30274, -12540 },
    { 28899, -15447 },
    { 27246, -18205 },
    { 25330, -20788 },
    { 23170, -23170 },
    { 20788, -25330 },
    { 18205, -27246 },
    { 15447, -28899 },
    { 12540, -30274 },
    { 9512, -31357 },
    { 6393, -32138 },
    { 3212, -32610 },
    { 0, -32768 },
    { -3212, -32610 },
    { -6393, -32138 },
    { -9512, -31357 },
    { -12540, -30274 },
    { -15447, -28899 },
    { -18205, -27246 },
    { -20788, -25330 },
    { -23170, -23170 },
    { -25330, -20788 },
    { -27246, -18205 },
    { -28899, -15447 },
    { -30274, -12540 },
    { -31357, -9512 },
    { -32138, -6393 },
    { -32610, -3212 },
};

uint32_t EXPORT(reverse_index)(uint32_t index, uint32_t bits)
{
    uint32_t reversed = 0;
    while (bits--) {
        reversed = reversed << 1 | (index & 1);
        index >>= 1;
    }
    return reversed;
}

INTERNAL void butterfly(struct complex *a, struct complex *b, struct complex w)
{
    int32_t re = (b->re * w.re - b->im * w.im) >> 15;
    int32_t im = (b->re * w.im + b->im * w.re) >> 15;
    int32_t are = a->re, aim = a->im;
    a->re = (int16_t)((are + re) >> 1);
    a->im = (int16_t)((aim + im) >> 1);
    b->re = (int16_t)((are - re) >> 1);
    b->im = (int16_t)((aim - im) >> 1);
}

// Transforms `points`; the result is divided by 64.
void EXPORT(fft)(void)
{
    for (uint32_t i = 0; i < POINTS; i++) {
        uint32_t k = reverse_index(i, LOG2);
        if (k > i) {
            struct complex t = points[i];
            points[i] = points[k];
            points[k] = t;
        }
    }
    for (uint32_t half = 1; half < POINTS; half *= 2) {
        uint32_t stride = POINTS / 2 / half;
        for (uint32_t start = 0; start < POINTS; start += 2 * half) {
            for (uint32_t k = 0; k < half; k++) {
                butterfly(&points[start + k], &points[start + k + half], twiddle[k * stride]);
            }
        }
    }
}

// The inverse transform by swapping real and imaginary parts around the forward one.
void EXPORT(inverse_fft)(void)
{
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < POINTS; i++) {
            int16_t t = points[i].re;
            points[i].re = points[i].im;
            points[i].im = t;
        }
        if (pass == 0) {
            fft();
        }
    }
}

// Squares of the magnitudes into `power`. Returns the index of the largest in the lower half, constant part left out.
uint32_t EXPORT(power_spectrum)(void)
{
    uint32_t peak = 1;
    for (uint32_t i = 0; i < POINTS; i++) {
        power[i] = (uint32_t)(points[i].re * points[i].re) + (uint32_t)(points[i].im * points[i].im);
        if (i > 1 && i < POINTS / 2 && power[i] > power[peak]) {
            peak = i;
        }
    }
    return peak;
}

// Fills `points` with a square wave of the given half period. Returns the half period used.
uint32_t EXPORT(square_wave)(uint32_t half_period, int32_t amplitude)
{
    half_period = half_period == 0 ? 1 : half_period;
    for (uint32_t i = 0; i < POINTS; i++) {
        points[i].re = (int16_t)(i / half_period % 2 ? -amplitude : amplitude);
        points[i].im = 0;
    }
    return half_period;
}

// Energy of one frequency bin of the real parts, with 64-bit state.
uint64_t EXPORT(goertzel)(uint32_t bin)
{
    int32_t c = 2 * twiddle[bin % (POINTS / 2)].re; // 2 cos, Q15
    int64_t s1 = 0, s2 = 0;
    for (uint32_t i = 0; i < POINTS; i++) {
        int64_t s0 = points[i].re + ((c * s1) >> 15) - s2;
        s2 = s1;
        s1 = s0;
    }
    return (uint64_t)(s1 * s1 + s2 * s2 - ((c * s1) >> 15) * s2);
}
