// A small LZ77 codec for firmware images: tokens of literals and matches in a 4 KiB window, and run-length coding.
// about: LZ77-style compressor with a hash table and a bounds-checked decompressor, and PackBits-like run-length coding.
// group: codec
// link: --export=raw --export=packed --export=out
#include "firmware.h"

// Format: a control byte c. c < 0x80: c + 1 literal bytes follow. c >= 0x80: a match of (c & 0x7f) + 3 bytes at the
// distance in the next two bytes, little-endian, counted from 1.

#define E_CORRUPT (-74)
#define E_NOSPACE (-28)
#define HASH_BITS 7
#define LENGTH_MIN 3u
#define LENGTH_MAX 130u
#define WINDOW 4096u

uint8_t raw[1024];
uint8_t packed[1200];
uint8_t out[1024];
static uint16_t heads[1 << HASH_BITS];

INTERNAL uint32_t hash3(const uint8_t *p)
{
    uint32_t word = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return (word * 2654435761u) >> (32 - HASH_BITS);
}

uint32_t EXPORT(match_length)(const uint8_t *a, const uint8_t *b, uint32_t limit)
{
    uint32_t n = 0;
    while (n < limit && a[n] == b[n]) {
        n++;
    }
    return n;
}

// Writes pending literals in chunks of at most 128. Returns the new write position, or NULL without room.
INTERNAL uint8_t *flush(const uint8_t *from, uint32_t count, uint8_t *to, const uint8_t *end)
{
    while (count) {
        uint32_t chunk = count < 128 ? count : 128;
        if ((uint32_t)(end - to) < chunk + 1) {
            return NULL;
        }
        *to++ = (uint8_t)(chunk - 1);
        __builtin_memcpy(to, from, chunk);
        to += chunk;
        from += chunk;
        count -= chunk;
    }
    return to;
}

// Compresses. Returns the packed size or E_NOSPACE.
int32_t EXPORT(lz_compress)(const uint8_t *from, uint32_t size, uint8_t *to, uint32_t room)
{
    uint8_t *at = to;
    const uint8_t *end = to + room;
    uint32_t literals = 0; // start of the pending literals
    uint32_t i = 0;

    for (uint32_t h = 0; h < 1 << HASH_BITS; h++) {
        heads[h] = 0xffff;
    }
    while (i + LENGTH_MIN <= size) {
        uint32_t h = hash3(from + i);
        uint32_t candidate = heads[h];
        heads[h] = (uint16_t)i;
        uint32_t length = 0;
        if (candidate < i && i - candidate <= WINDOW) {
            uint32_t limit = size - i < LENGTH_MAX ? size - i : LENGTH_MAX;
            length = match_length(from + candidate, from + i, limit);
        }
        if (length < LENGTH_MIN) {
            i++;
            continue;
        }
        at = flush(from + literals, i - literals, at, end);
        if (!at || end - at < 3) {
            return E_NOSPACE;
        }
        uint32_t distance = i - candidate;
        *at++ = (uint8_t)(0x80 | (length - LENGTH_MIN));
        *at++ = (uint8_t)distance;
        *at++ = (uint8_t)(distance >> 8);
        i += length;
        literals = i;
    }
    at = flush(from + literals, size - literals, at, end);
    return at ? (int32_t)(at - to) : E_NOSPACE;
}

// Unpacks. Never reads or writes outside what it was given. Returns the size, E_CORRUPT or E_NOSPACE.
int32_t EXPORT(lz_decompress)(const uint8_t *from, uint32_t size, uint8_t *to, uint32_t room)
{
    uint32_t in = 0, written = 0;
    while (in < size) {
        uint32_t control = from[in++];
        if (control < 0x80) {
            uint32_t count = control + 1;
            if (count > size - in) {
                return E_CORRUPT;
            }
            if (count > room - written) {
                return E_NOSPACE;
            }
            for (uint32_t k = 0; k < count; k++) {
                to[written++] = from[in++];
            }
        } else {
            uint32_t count = (control & 0x7f) + LENGTH_MIN;
            if (size - in < 2) {
                return E_CORRUPT;
            }
            uint32_t distance = from[in] | (uint32_t)from[in + 1] << 8;
            in += 2;
            if (distance == 0 || distance > written) {
                return E_CORRUPT;
            }
            if (count > room - written) {
                return E_NOSPACE;
            }
            // Byte by byte: the match may overlap what it produces.
            for (uint32_t k = 0; k < count; k++, written++) {
                to[written] = to[written - distance];
            }
        }
    }
    return (int32_t)written;
}

// Run-length coding: (count, byte) pairs. Returns the coded size or E_NOSPACE.
int32_t EXPORT(rle_compress)(const uint8_t *from, uint32_t size, uint8_t *to, uint32_t room)
{
    uint32_t written = 0;
    for (uint32_t i = 0; i < size;) {
        uint32_t run = 1;
        while (run < 255 && i + run < size && from[i + run] == from[i]) {
            run++;
        }
        if (room - written < 2) {
            return E_NOSPACE;
        }
        to[written++] = (uint8_t)run;
        to[written++] = from[i];
        i += run;
    }
    return (int32_t)written;
}

int32_t EXPORT(rle_decompress)(const uint8_t *from, uint32_t size, uint8_t *to, uint32_t room)
{
    uint32_t written = 0;
    for (uint32_t i = 0; i + 1 < size; i += 2) {
        uint32_t run = from[i];
        if (run == 0) {
            return E_CORRUPT;
        }
        if (run > room - written) {
            return E_NOSPACE;
        }
        __builtin_memset(to + written, from[i + 1], run);
        written += run;
    }
    return size & 1 ? E_CORRUPT : (int32_t)written;
}
