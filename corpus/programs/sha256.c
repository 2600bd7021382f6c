// SHA-256 as of FIPS 180-4, streaming, and HMAC-SHA-256 as of RFC 2104 on top of it.
// about: SHA-256 (FIPS 180-4) with a streaming context, one-shot hashing, HMAC (RFC 2104) and a constant-time compare.
// group: crypto
// link: --export=input --export=digest --export=key
#include "firmware.h"

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
};

uint8_t input[512];
uint8_t key[64];
uint8_t digest[32];
static struct sha256 stream;

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotate(uint32_t x, int n)
{
    return (x >> n) | (x << (32 - n));
}

INTERNAL void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++) {
        const uint8_t *p = block + 4 * i;
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t choose = (e & f) ^ (~e & g);
        uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + choose + round_constants[i] + w[i];
        uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority;
        h = g; g = f; f = e; e = d + t1;
        d = c; c = b; b = a; a = t1 + t2;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d;
    state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

INTERNAL void start(struct sha256 *s)
{
    static const uint32_t initial[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    for (int i = 0; i < 8; i++) {
        s->state[i] = initial[i];
    }
    s->bytes = 0;
}

INTERNAL void absorb(struct sha256 *s, const uint8_t *data, uint32_t size)
{
    uint32_t fill = (uint32_t)s->bytes & 63;
    s->bytes += size;
    while (size--) {
        s->block[fill++] = *data++;
        if (fill == 64) {
            compress(s->state, s->block);
            fill = 0;
        }
    }
}

INTERNAL void finish(struct sha256 *s, uint8_t out[32])
{
    uint64_t bits = s->bytes * 8;
    uint8_t pad = 0x80;
    absorb(s, &pad, 1);
    pad = 0;
    while ((s->bytes & 63) != 56) {
        absorb(s, &pad, 1);
    }
    uint8_t length[8];
    for (int i = 0; i < 8; i++) {
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    }
    absorb(s, length, 8);
    for (int i = 0; i < 32; i++) {
        out[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)));
    }
}

void EXPORT(sha256_begin)(void) { start(&stream); }
void EXPORT(sha256_add)(const uint8_t *data, uint32_t size) { absorb(&stream, data, size); }
void EXPORT(sha256_end)(void) { finish(&stream, digest); }

void EXPORT(sha256)(const uint8_t *data, uint32_t size, uint8_t out[32])
{
    struct sha256 s;
    start(&s);
    absorb(&s, data, size);
    finish(&s, out);
}

// HMAC-SHA-256 of `data` under `key` into `digest`. Returns -22 for a key longer than a block, else 0.
int32_t EXPORT(hmac_sha256)(uint32_t key_size, const uint8_t *data, uint32_t size)
{
    if (key_size > sizeof key) {
        return -22;
    }
    uint8_t pad[64];
    struct sha256 s;

    for (uint32_t i = 0; i < 64; i++) {
        pad[i] = (i < key_size ? key[i] : 0) ^ 0x36;
    }
    start(&s);
    absorb(&s, pad, 64);
    absorb(&s, data, size);
    finish(&s, digest);
    for (uint32_t i = 0; i < 64; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    start(&s);
    absorb(&s, pad, 64);
    absorb(&s, digest, 32);
    finish(&s, digest);
    return 0;
}

// Compares without an early exit. Returns 1 when all bytes are equal.
int32_t EXPORT(digest_equal)(const uint8_t *other, uint32_t size)
{
    uint32_t difference = size > 32;
    for (uint32_t i = 0; i < size && i < 32; i++) {
        difference |= digest[i] ^ other[i];
    }
    return difference == 0;
}
