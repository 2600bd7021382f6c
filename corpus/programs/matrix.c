// Small integer matrices in row order, with strides, for filters and calibration.
// about: Integer matrix product, transpose, determinant without fractions, power of a matrix and a convolution.
// group: data
// link: --export=a --export=b --export=c
#include "firmware.h"

#define E_INVAL (-22)
#define N_MAX 12u

int32_t a[N_MAX * N_MAX];
int32_t b[N_MAX * N_MAX];
int32_t c[N_MAX * N_MAX];

// c (n by m) = a (n by k) times b (k by m), modulo 2^32.
int32_t EXPORT(matrix_product)(uint32_t n, uint32_t k, uint32_t m)
{
    if (n > N_MAX || k > N_MAX || m > N_MAX) {
        return E_INVAL;
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < m; j++) {
            uint32_t sum = 0;
            for (uint32_t x = 0; x < k; x++) {
                sum += (uint32_t)a[i * k + x] * (uint32_t)b[x * m + j];
            }
            c[i * m + j] = (int32_t)sum;
        }
    }
    return 0;
}

// Transposes a square matrix in place.
int32_t EXPORT(matrix_transpose)(int32_t *x, uint32_t n)
{
    if (n > N_MAX) {
        return E_INVAL;
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = i + 1; j < n; j++) {
            int32_t t = x[i * n + j];
            x[i * n + j] = x[j * n + i];
            x[j * n + i] = t;
        }
    }
    return 0;
}

// Determinant of the n by n matrix in `a`, destroyed, by Bareiss' elimination: every division is exact.
int64_t EXPORT(matrix_determinant)(uint32_t n)
{
    int64_t previous = 1;
    bool negative = false;
    if (n == 0 || n > N_MAX) {
        return n == 0;
    }
    for (uint32_t k = 0; k + 1 < n; k++) {
        uint32_t pivot = k;
        while (pivot < n && a[pivot * n + k] == 0) {
            pivot++;
        }
        if (pivot == n) {
            return 0;
        }
        if (pivot != k) {
            for (uint32_t j = 0; j < n; j++) {
                int32_t t = a[k * n + j];
                a[k * n + j] = a[pivot * n + j];
                a[pivot * n + j] = t;
            }
            negative = !negative;
        }
        for (uint32_t i = k + 1; i < n; i++) {
            for (uint32_t j = k + 1; j < n; j++) {
                int64_t t = (int64_t)a[i * n + j] * a[k * n + k] - (int64_t)a[i * n + k] * a[k * n + j];
                a[i * n + j] = (int32_t)(t / previous);
            }
        }
        previous = a[k * n + k];
    }
    int64_t result = a[n * n - 1];
    return negative ? -result : result;
}

// The power of the 2 by 2 matrix (1 1; 1 0), whose corner is a Fibonacci number, modulo 2^64.
uint64_t EXPORT(fibonacci_matrix)(uint32_t n)
{
    uint64_t r[3] = { 1, 0, 1 }; // symmetric: r00, r01, r11
    uint64_t s[3] = { 1, 1, 0 };
    for (; n; n >>= 1) {
        if (n & 1) {
            uint64_t r00 = r[0] * s[0] + r[1] * s[1];
            uint64_t r01 = r[0] * s[1] + r[1] * s[2];
            uint64_t r11 = r[1] * s[1] + r[2] * s[2];
            r[0] = r00;
            r[1] = r01;
            r[2] = r11;
        }
        uint64_t s00 = s[0] * s[0] + s[1] * s[1];
        uint64_t s01 = s[0] * s[1] + s[1] * s[2];
        uint64_t s11 = s[1] * s[1] + s[2] * s[2];
        s[0] = s00;
        s[1] = s01;
        s[2] = s11;
    }
    return r[1];
}

// Convolves `a` (n by n) with the 3 by 3 kernel in `b`; the border is taken as zero; shifts the sums right by `scale`.
int32_t EXPORT(matrix_convolve)(uint32_t n, uint32_t scale)
{
    if (n > N_MAX || scale > 31) {
        return E_INVAL;
    }
    for (int32_t i = 0; i < (int32_t)n; i++) {
        for (int32_t j = 0; j < (int32_t)n; j++) {
            uint32_t sum = 0;
            for (int32_t y = -1; y <= 1; y++) {
                for (int32_t x = -1; x <= 1; x++) {
                    if (i + y >= 0 && i + y < (int32_t)n && j + x >= 0 && j + x < (int32_t)n) {
                        sum += (uint32_t)a[(i + y) * (int32_t)n + j + x] * (uint32_t)b[(y + 1) * 3 + x + 1];
                    }
                }
            }
            c[i * (int32_t)n + j] = (int32_t)sum >> scale;
        }
    }
    return 0;
}
