// Trigonometry and roots without floating point: CORDIC, a quarter-wave table, digit-by-digit square roots.
// about: CORDIC rotation and arc tangent on binary angles, table sine with interpolation, integer square and cube roots.
// group: math
#include "firmware.h"

// Binary angles: 2^32 is a full turn.
#define QUARTER 0x40000000u
#define STEPS   28
#define GAIN    0x26dd3b6a // product of the cosines of all steps, Q30

static const uint32_t angles[STEPS] = {
    0x20000000, 0x12e4051e, 0x09fb385b, 0x051111d4, 0x028b0d43, 0x0145d7e1, 0x00a2f61e, 0x00517c55, 0x0028be53, 0x00145f2f,
    0x000a2f98, 0x000517cc, 0x00028be6, 0x000145f3, 0x0000a2fa, 0x0000517d, 0x000028be, 0x0000145f, 0x00000a30, 0x00000518,
    0x0000028c, 0x00000146, 0x000000a3, 0x00000051, 0x00000029, 0x00000014, 0x0000000a, 0x00000005,
};

// A quarter wave in Q15, 16 steps.
static const int16_t quarter_wave[17] = {
    0, 3212, 6393, 9512, 12540, 15447, 18205, 20788, 23170, 25330, 27246, 28899, 30274, 31357, 32138, 32610, 32767,
};

// Cosine in the low word, sine in the high word, Q30.
uint64_t EXPORT(cordic_sincos)(uint32_t angle)
{
    int32_t x = GAIN, y = 0;
    // Into the right half plane: the half turn is undone at the end.
    bool flip = angle + QUARTER >= 2 * QUARTER;
    int32_t z = (int32_t)(flip ? angle + 2 * QUARTER : angle);

    for (int i = 0; i < STEPS; i++) {
        int32_t dx = y >> i, dy = x >> i;
        if (z >= 0) {
            x -= dx;
            y += dy;
            z -= (int32_t)angles[i];
        } else {
            x += dx;
            y -= dy;
            z += (int32_t)angles[i];
        }
    }
    if (flip) {
        x = -x;
        y = -y;
    }
    return (uint32_t)x | (uint64_t)(uint32_t)y << 32;
}

// Angle of the vector (x, y). Components beyond 2^29 are scaled down first. The null vector has angle 0.
uint32_t EXPORT(cordic_atan2)(int32_t y, int32_t x)
{
    if (x == 0 && y == 0) {
        return 0;
    }
    x >>= 2;
    y >>= 2;
    uint32_t angle = 0;
    if (x < 0) {
        x = -x;
        y = -y;
        angle = 2 * QUARTER;
    }
    for (int i = 0; i < STEPS; i++) {
        int32_t dx = y >> i, dy = x >> i;
        if (y < 0) {
            x -= dx;
            y += dy;
            angle -= angles[i];
        } else {
            x += dx;
            y -= dy;
            angle += angles[i];
        }
    }
    return angle;
}

// Sine in Q15 from the table, with linear interpolation.
int32_t EXPORT(table_sine)(uint32_t angle)
{
    uint32_t in_quarter = angle & (QUARTER - 1);
    if (angle & QUARTER) {
        in_quarter = QUARTER - in_quarter;
    }
    uint32_t index = in_quarter >> 26;
    int32_t fraction = (int32_t)(in_quarter >> 10 & 0xffff);
    int32_t value = quarter_wave[index];
    if (index < 16) {
        value += ((quarter_wave[index + 1] - value) * fraction) >> 16;
    }
    return angle & 2 * QUARTER ? -value : value;
}

uint32_t EXPORT(square_root32)(uint32_t x)
{
    uint32_t root = 0;
    for (uint32_t bit = 1u << 30; bit; bit >>= 2) {
        if (x >= root + bit) {
            x -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

uint32_t EXPORT(square_root64)(uint64_t x)
{
    uint64_t root = 0;
    for (uint64_t bit = 1ull << 62; bit; bit >>= 2) {
        if (x >= root + bit) {
            x -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}

uint32_t EXPORT(cube_root)(uint32_t x)
{
    uint32_t root = 0;
    for (int shift = 30; shift >= 0; shift -= 3) {
        root *= 2;
        uint32_t step = 3 * root * (root + 1) + 1;
        if ((x >> shift) >= step) {
            x -= step << shift;
            root++;
        }
    }
    return root;
}

// Length of the vector (x, y), rounded down.
uint32_t EXPORT(hypotenuse)(int32_t x, int32_t y)
{
    return square_root64((uint64_t)((int64_t)x * x) + (uint64_t)((int64_t)y * y));
}
