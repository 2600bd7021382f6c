// Number theory on words: greatest common divisors, modular powers and inverses, primes.
// about: GCD, LCM, modular power and inverse, prime sieve on a bitmap, Miller-Rabin, digit sums and Collatz lengths.
// group: math
// link: --export=sieve
#include "firmware.h"

#define SIEVE_BITS 4096u

uint32_t sieve[SIEVE_BITS / 32]; // a set bit marks a composite

uint32_t EXPORT(gcd)(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

// Stein's algorithm: shifts and subtractions only.
uint64_t EXPORT(gcd_binary)(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0) {
        return a | b;
    }
    int shift = __builtin_ctzll(a | b);
    a >>= __builtin_ctzll(a);
    while (b) {
        b >>= __builtin_ctzll(b);
        if (a > b) {
            uint64_t t = a;
            a = b;
            b = t;
        }
        b -= a;
    }
    return a << shift;
}

uint64_t EXPORT(lcm)(uint32_t a, uint32_t b)
{
    return a && b ? (uint64_t)(a / gcd(a, b)) * b : 0;
}

// base^power modulo `modulus`; modulus 0 gives 0.
uint32_t EXPORT(mod_power)(uint32_t base, uint32_t power, uint32_t modulus)
{
    if (modulus <= 1) {
        return 0;
    }
    uint64_t result = 1, square = base % modulus;
    for (; power; power >>= 1) {
        if (power & 1) {
            result = result * square % modulus;
        }
        square = square * square % modulus;
    }
    return (uint32_t)result;
}

// The inverse of a modulo m, or 0 where there is none.
uint32_t EXPORT(mod_inverse)(uint32_t a, uint32_t m)
{
    if (m <= 1) {
        return 0;
    }
    int64_t t = 0, next_t = 1;
    int64_t r = m, next_r = a % m;
    while (next_r) {
        int64_t q = r / next_r;
        int64_t swap = t - q * next_t;
        t = next_t;
        next_t = swap;
        swap = r - q * next_r;
        r = next_r;
        next_r = swap;
    }
    return r != 1 ? 0 : (uint32_t)(t < 0 ? t + m : t);
}

// Sieves up to `limit` (at most SIEVE_BITS). Returns the number of primes below it.
uint32_t EXPORT(sieve_primes)(uint32_t limit)
{
    if (limit > SIEVE_BITS) {
        limit = SIEVE_BITS;
    }
    for (uint32_t i = 0; i < SIEVE_BITS / 32; i++) {
        sieve[i] = 0;
    }
    sieve[0] = 3;
    for (uint32_t p = 2; p * p < limit; p++) {
        if (!(sieve[p / 32] >> p % 32 & 1)) {
            for (uint32_t m = p * p; m < limit; m += p) {
                sieve[m / 32] |= 1u << m % 32;
            }
        }
    }
    uint32_t count = 0;
    for (uint32_t i = 2; i < limit; i++) {
        count += !(sieve[i / 32] >> i % 32 & 1);
    }
    return count;
}

// Miller-Rabin with the bases 2, 7 and 61: exact below 2^32.
uint32_t EXPORT(is_prime)(uint32_t n)
{
    static const uint32_t bases[3] = { 2, 7, 61 };
    if (n < 2 || n % 2 == 0) {
        return n == 2;
    }
    uint32_t shift = (uint32_t)__builtin_ctz(n - 1);
    for (int i = 0; i < 3; i++) {
        if (bases[i] % n == 0) {
            continue;
        }
        uint64_t x = mod_power(bases[i], (n - 1) >> shift, n);
        bool witness = x != 1 && x != n - 1;
        for (uint32_t s = 1; witness && s < shift; s++) {
            x = x * x % n;
            witness = x != n - 1;
        }
        if (witness) {
            return 0;
        }
    }
    return 1;
}

uint32_t EXPORT(digit_sum)(uint64_t x)
{
    uint32_t sum = 0;
    for (; x; x /= 10) {
        sum += (uint32_t)(x % 10);
    }
    return sum;
}

// Steps of the Collatz sequence to 1, at most 1000; 0 for x = 0.
uint32_t EXPORT(collatz)(uint32_t start)
{
    uint64_t x = start;
    uint32_t steps = 0;
    while (x > 1 && steps < 1000) {
        x = x & 1 ? 3 * x + 1 : x >> 1;
        steps++;
    }
    return steps;
}
