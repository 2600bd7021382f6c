// Base64 as of RFC 4648, standard and URL alphabet, and base16.
// about: Base64 encoder and strict decoder (RFC 4648) with both alphabets, and hexadecimal encoding both ways.
// group: codec
// link: --export=plain --export=coded
#include "firmware.h"

#define E_INVAL   (-22)
#define E_NOSPACE (-28)
#define E_SYNTAX  (-74)

uint8_t plain[256];
uint8_t coded[384];

static const char alphabet[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

uint32_t EXPORT(base64_size)(uint32_t bytes, uint32_t padded)
{
    return padded ? (bytes + 2) / 3 * 4 : bytes / 3 * 4 + (bytes % 3 ? bytes % 3 + 1 : 0);
}

// Encodes. `url` selects the URL alphabet without padding. Returns the number of characters or E_NOSPACE.
int32_t EXPORT(base64_encode)(const uint8_t *from, uint32_t size, uint8_t *to, uint32_t room, uint32_t url)
{
    const char *letters = alphabet[url != 0];
    if (size > 0x3fffffff || base64_size(size, !url) > room) {
        return E_NOSPACE;
    }
    uint8_t *out = to;
    for (; size >= 3; size -= 3, from += 3) {
        uint32_t group = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        *out++ = (uint8_t)letters[group >> 18];
        *out++ = (uint8_t)letters[group >> 12 & 63];
        *out++ = (uint8_t)letters[group >> 6 & 63];
        *out++ = (uint8_t)letters[group & 63];
    }
    if (size) {
        uint32_t group = (uint32_t)from[0] << 16 | (size == 2 ? (uint32_t)from[1] << 8 : 0);
        *out++ = (uint8_t)letters[group >> 18];
        *out++ = (uint8_t)letters[group >> 12 & 63];
        if (size == 2) {
            *out++ = (uint8_t)letters[group >> 6 & 63];
        }
        for (uint32_t pad = url ? 3 : size; pad < 3; pad++) {
            *out++ = '=';
        }
    }
    return (int32_t)(out - to);
}

// The value of one character in either alphabet, or -1.
int32_t EXPORT(base64_value)(uint32_t c)
{
    if (c - 'A' < 26) {
        return (int32_t)(c - 'A');
    }
    if (c - 'a' < 26) {
        return (int32_t)(c - 'a' + 26);
    }
    if (c - '0' < 10) {
        return (int32_t)(c - '0' + 52);
    }
    switch (c) {
    case '+':
    case '-':
        return 62;
    case '/':
    case '_':
        return 63;
    default:
        return -1;
    }
}

// Decodes, strictly: no white space, padding only at the end, unused bits zero. Returns bytes or an error.
int32_t EXPORT(base64_decode)(const uint8_t *from, uint32_t size, uint8_t *to, uint32_t room)
{
    if (size > 0 && size % 4 == 0 && from[size - 1] == '=') {
        size--;
        if (from[size - 1] == '=') {
            size--;
        }
    }
    if (size % 4 == 1) {
        return E_SYNTAX;
    }
    uint32_t written = 0;
    uint32_t bits = 0;
    uint32_t have = 0;
    for (uint32_t i = 0; i < size; i++) {
        int32_t value = base64_value(from[i]);
        if (value < 0) {
            return E_SYNTAX;
        }
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (written == room) {
                return E_NOSPACE;
            }
            to[written++] = (uint8_t)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    return bits ? E_SYNTAX : (int32_t)written;
}

int32_t EXPORT(hex_encode)(const uint8_t *from, uint32_t size, uint8_t *to, uint32_t room)
{
    if (size > room / 2) {
        return E_NOSPACE;
    }
    for (uint32_t i = 0; i < size; i++) {
        uint8_t high = from[i] >> 4, low = from[i] & 15;
        *to++ = high < 10 ? '0' + high : 'a' + high - 10;
        *to++ = low < 10 ? '0' + low : 'a' + low - 10;
    }
    return (int32_t)(2 * size);
}

int32_t EXPORT(hex_decode)(const uint8_t *from, uint32_t size, uint8_t *to)
{
    if (size & 1) {
        return E_INVAL;
    }
    for (uint32_t i = 0; i < size; i++) {
        uint32_t c = from[i];
        uint32_t value;
        if (c - '0' < 10) {
            value = c - '0';
        } else if ((c | 0x20) - 'a' < 6) {
            value = (c | 0x20) - 'a' + 10;
        } else {
            return E_SYNTAX;
        }
        to[i / 2] = (uint8_t)(i & 1 ? to[i / 2] | value : value << 4);
    }
    return (int32_t)(size / 2);
}
