// Filters on blocks of samples: FIR with a circular delay line, decimation, biquads, moving average and median.
// about: FIR filter with circular delay line, decimator, biquad cascade, moving average and median filter, integers only.
// group: control
// link: --export=coefficients --export=input --export=output
#include "firmware.h"

#define TAPS    16u
#define SAMPLES 64u
#define STAGES  2u

int16_t coefficients[TAPS];
int16_t input[SAMPLES];
int16_t output[SAMPLES];
static int16_t delay[TAPS];
static uint32_t newest;
static struct {
    int32_t b0, b1, b2, a1, a2; // Q14
    int32_t z1, z2;
} stage[STAGES];
static int32_t window[8];
static uint32_t window_at;

static inline int32_t sat16(int64_t x)
{
    return x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : (int32_t)x;
}

void EXPORT(fir_reset)(void)
{
    for (uint32_t i = 0; i < TAPS; i++) {
        delay[i] = 0;
    }
    newest = 0;
}

// One sample in, one sample out; coefficients in Q15.
int32_t EXPORT(fir_sample)(int32_t x)
{
    newest = (newest + TAPS - 1) % TAPS;
    delay[newest] = (int16_t)x;
    int64_t sum = 1 << 14;
    uint32_t at = newest;
    for (uint32_t k = 0; k < TAPS; k++) {
        sum += (int32_t)delay[at] * coefficients[k];
        at = at + 1 == TAPS ? 0 : at + 1;
    }
    return sat16(sum >> 15);
}

// Filters `count` samples of `input` and keeps each `keep`-th. Returns how many were written, or -22.
int32_t EXPORT(fir_decimate)(uint32_t count, uint32_t keep)
{
    if (count > SAMPLES || keep == 0) {
        return -22;
    }
    uint32_t written = 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t y = fir_sample(input[i]);
        if (i % keep == 0) {
            output[written++] = (int16_t)y;
        }
    }
    return (int32_t)written;
}

int32_t EXPORT(biquad_set)(uint32_t n, int32_t b0, int32_t b1, int32_t b2, int32_t a1, int32_t a2)
{
    if (n >= STAGES) {
        return -22;
    }
    stage[n].b0 = b0;
    stage[n].b1 = b1;
    stage[n].b2 = b2;
    stage[n].a1 = a1;
    stage[n].a2 = a2;
    stage[n].z1 = stage[n].z2 = 0;
    return 0;
}

// Transposed direct form II, two stages.
int32_t EXPORT(biquad_sample)(int32_t x)
{
    for (uint32_t n = 0; n < STAGES; n++) {
        int32_t y = sat16(((int64_t)stage[n].b0 * x + stage[n].z1) >> 14);
        stage[n].z1 = (int32_t)((int64_t)stage[n].b1 * x - (int64_t)stage[n].a1 * y + stage[n].z2);
        stage[n].z2 = (int32_t)((int64_t)stage[n].b2 * x - (int64_t)stage[n].a2 * y);
        x = y;
    }
    return x;
}

// Mean of the last eight values, rounded down.
int32_t EXPORT(moving_average)(int32_t x)
{
    window[window_at++ & 7] = x;
    int64_t sum = 0;
    for (int i = 0; i < 8; i++) {
        sum += window[i];
    }
    return (int32_t)(sum >> 3);
}

int32_t EXPORT(median5)(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e)
{
    int32_t v[5] = { a, b, c, d, e };
    for (int i = 1; i < 5; i++) {
        for (int k = i; k > 0 && v[k - 1] > v[k]; k--) {
            int32_t t = v[k];
            v[k] = v[k - 1];
            v[k - 1] = t;
        }
    }
    return v[2];
}
