// A Kalman filter with two states, position and speed, in fixed point Q16; measurements of position.
// about: Two-state Kalman filter in Q16 fixed point with innovation gating and covariance kept symmetric.
// group: control
// link: --export=filter --export=samples
#include "firmware.h"

typedef int32_t q16;

struct kalman {
    q16 position, speed;
    q16 p00, p01, p11; // covariance, symmetric
    q16 process_noise, measurement_noise;
    uint32_t rejected;
};

struct kalman filter;
q16 samples[64];

q16 EXPORT(q16_mul)(q16 a, q16 b)
{
    return (q16)(((int64_t)a * b + 0x8000) >> 16);
}

// Quotient of two Q16 values, saturated; division by zero gives the extreme value with the sign of `a`.
q16 EXPORT(q16_div)(q16 a, q16 b)
{
    if (b == 0) {
        return a < 0 ? INT32_MIN : INT32_MAX;
    }
    int64_t quotient = ((int64_t)a << 16) / b;
    return quotient > INT32_MAX ? INT32_MAX : quotient < INT32_MIN ? INT32_MIN : (q16)quotient;
}

void EXPORT(kalman_init)(q16 position, q16 process_noise, q16 measurement_noise)
{
    filter = (struct kalman){
        .position = position,
        .p00 = 1 << 20,
        .p11 = 1 << 20,
        .process_noise = process_noise,
        .measurement_noise = measurement_noise,
    };
}

// Moves the state forward by `dt`.
void EXPORT(kalman_predict)(q16 dt)
{
    filter.position += q16_mul(filter.speed, dt);
    // P = F P F' + Q with F = [1 dt; 0 1]
    q16 p01_dt = q16_mul(filter.p01, dt);
    q16 p11_dt = q16_mul(filter.p11, dt);
    filter.p00 += 2 * p01_dt + q16_mul(p11_dt, dt);
    filter.p01 += p11_dt;
    filter.p11 += filter.process_noise;
}

// Takes a measurement. Returns 1 if it was used, 0 if it lay more than four deviations away.
int32_t EXPORT(kalman_correct)(q16 measured)
{
    q16 innovation = measured - filter.position;
    q16 s = filter.p00 + filter.measurement_noise;

    if ((int64_t)innovation * innovation > ((int64_t)s << 16) * 16) {
        filter.rejected++;
        return 0;
    }
    q16 k0 = q16_div(filter.p00, s);
    q16 k1 = q16_div(filter.p01, s);
    filter.position += q16_mul(k0, innovation);
    filter.speed += q16_mul(k1, innovation);
    filter.p11 -= q16_mul(k1, filter.p01);
    filter.p01 -= q16_mul(k0, filter.p01);
    filter.p00 -= q16_mul(k0, filter.p00);
    return 1;
}

// Runs over recorded samples. Returns position in the low word, speed in the high word.
uint64_t EXPORT(kalman_run)(const q16 *from, uint32_t count, q16 dt)
{
    for (uint32_t i = 0; i < count; i++) {
        kalman_predict(dt);
        kalman_correct(from[i]);
    }
    return (uint32_t)filter.position | ((uint64_t)(uint32_t)filter.speed << 32);
}
