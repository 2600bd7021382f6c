// ChaCha20 and Poly1305 as of RFC 8439.
// about: ChaCha20 block function and stream cipher, and Poly1305 with 26-bit limbs and 64-bit products (RFC 8439).
// group: crypto
// link: --export=key --export=nonce --export=text --export=stream --export=tag
#include "firmware.h"

uint8_t key[32];
uint8_t nonce[12];
uint8_t text[256];
uint8_t stream[64];
uint8_t tag[16];

static inline uint32_t load32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void store32(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
    p[2] = (uint8_t)(x >> 16);
    p[3] = (uint8_t)(x >> 24);
}

static inline uint32_t rotate(uint32_t x, int n)
{
    return (x << n) | (x >> (32 - n));
}

// The quarter round on four words of a state, given by their positions.
void EXPORT(quarter_round)(uint32_t *x, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    x[a] += x[b]; x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d]; x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b]; x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d]; x[b] = rotate(x[b] ^ x[c], 7);
}

// One block of key stream into `stream`.
void EXPORT(chacha20_block)(uint32_t count)
{
    uint32_t start[16], x[16];
    start[0] = 0x61707865;
    start[1] = 0x3320646e;
    start[2] = 0x79622d32;
    start[3] = 0x6b206574;
    for (int i = 0; i < 8; i++) {
        start[4 + i] = load32(key + 4 * i);
    }
    start[12] = count;
    for (int i = 0; i < 3; i++) {
        start[13 + i] = load32(nonce + 4 * i);
    }
    for (int i = 0; i < 16; i++) {
        x[i] = start[i];
    }
    for (int round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < 4; i++) {
            quarter_round(x, i, i + 4, i + 8, i + 12);
        }
        for (uint32_t i = 0; i < 4; i++) {
            quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    for (int i = 0; i < 16; i++) {
        store32(stream + 4 * i, x[i] + start[i]);
    }
}

// Encrypts or decrypts in place. Returns the next block counter.
uint32_t EXPORT(chacha20_xor)(uint32_t count, uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (i % 64 == 0) {
            chacha20_block(count++);
        }
        bytes[i] ^= stream[i % 64];
    }
    return count;
}

struct poly1305 {
    uint32_t r[5], s[5], h[5];
};

// h = (h + block) * r modulo 2^130 - 5; `high` is the bit above the block.
INTERNAL void poly_block(struct poly1305 *p, const uint8_t *b, uint32_t high)
{
    uint32_t h0 = p->h[0] + (load32(b) & 0x3ffffff);
    uint32_t h1 = p->h[1] + (load32(b + 3) >> 2 & 0x3ffffff);
    uint32_t h2 = p->h[2] + (load32(b + 6) >> 4 & 0x3ffffff);
    uint32_t h3 = p->h[3] + (load32(b + 9) >> 6);
    uint32_t h4 = p->h[4] + (load32(b + 12) >> 8 | high << 24);
    const uint32_t *r = p->r, *s = p->s;

    uint64_t d0 = (uint64_t)h0 * r[0] + (uint64_t)h1 * s[4] + (uint64_t)h2 * s[3] + (uint64_t)h3 * s[2] + (uint64_t)h4 * s[1];
    uint64_t d1 = (uint64_t)h0 * r[1] + (uint64_t)h1 * r[0] + (uint64_t)h2 * s[4] + (uint64_t)h3 * s[3] + (uint64_t)h4 * s[2];
    uint64_t d2 = (uint64_t)h0 * r[2] + (uint64_t)h1 * r[1] + (uint64_t)h2 * r[0] + (uint64_t)h3 * s[4] + (uint64_t)h4 * s[3];
    uint64_t d3 = (uint64_t)h0 * r[3] + (uint64_t)h1 * r[2] + (uint64_t)h2 * r[1] + (uint64_t)h3 * r[0] + (uint64_t)h4 * s[4];
    uint64_t d4 = (uint64_t)h0 * r[4] + (uint64_t)h1 * r[3] + (uint64_t)h2 * r[2] + (uint64_t)h3 * r[1] + (uint64_t)h4 * r[0];

    d1 += d0 >> 26;
    d2 += d1 >> 26;
    d3 += d2 >> 26;
    d4 += d3 >> 26;
    p->h[0] = ((uint32_t)d0 & 0x3ffffff) + (uint32_t)(d4 >> 26) * 5;
    p->h[1] = ((uint32_t)d1 & 0x3ffffff) + (p->h[0] >> 26);
    p->h[0] &= 0x3ffffff;
    p->h[2] = (uint32_t)d2 & 0x3ffffff;
    p->h[3] = (uint32_t)d3 & 0x3ffffff;
    p->h[4] = (uint32_t)d4 & 0x3ffffff;
}

// Subtracts the modulus once where that is possible.
INTERNAL void poly_reduce(uint32_t h[5])
{
    uint32_t carry = 0;
    for (int n = 0; n < 2; n++) {
        for (int i = 0; i < 5; i++) {
            h[i] += carry;
            carry = h[i] >> 26;
            h[i] &= 0x3ffffff;
        }
        carry *= 5;
    }
    h[0] += carry;
    uint32_t g[5];
    carry = 5;
    for (int i = 0; i < 5; i++) {
        g[i] = h[i] + carry;
        carry = g[i] >> 26;
        g[i] &= 0x3ffffff;
    }
    uint32_t take = 0u - carry;
    for (int i = 0; i < 5; i++) {
        h[i] = (h[i] & ~take) | (g[i] & take);
    }
}

// Authenticates `size` bytes with the one-time key in `key`, into `tag`.
void EXPORT(poly1305)(const uint8_t *bytes, uint32_t size)
{
    struct poly1305 p = { 0 };
    p.r[0] = load32(key) & 0x3ffffff;
    p.r[1] = load32(key + 3) >> 2 & 0x3ffff03;
    p.r[2] = load32(key + 6) >> 4 & 0x3ffc0ff;
    p.r[3] = load32(key + 9) >> 6 & 0x3f03fff;
    p.r[4] = load32(key + 12) >> 8 & 0x00fffff;
    for (int i = 1; i < 5; i++) {
        p.s[i] = p.r[i] * 5;
    }
    for (; size >= 16; size -= 16, bytes += 16) {
        poly_block(&p, bytes, 1);
    }
    if (size) {
        uint8_t last[16] = { 0 };
        for (uint32_t i = 0; i < size; i++) {
            last[i] = bytes[i];
        }
        last[size] = 1;
        poly_block(&p, last, 0);
    }
    poly_reduce(p.h);
    const uint32_t *h = p.h;
    uint32_t words[4] = { h[0] | h[1] << 26, h[1] >> 6 | h[2] << 20, h[2] >> 12 | h[3] << 14, h[3] >> 18 | h[4] << 8 };
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += (uint64_t)words[i] + load32(key + 16 + 4 * i);
        store32(tag + 4 * i, (uint32_t)sum);
        sum >>= 32;
    }
}
