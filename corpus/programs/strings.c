// Strings and memory blocks, the part of a C library that firmware carries itself.
// about: Own memcpy, memmove, memset, memcmp, strlen, strcmp, strstr, number conversion, glob matching, COBS framing.
// group: data
// link: --export=first --export=second
#include "firmware.h"

char first[256];
char second[256];

// Copies forwards, by words where both ends are aligned.
void *EXPORT(fw_memcpy)(void *to, const void *from, uint32_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((((uintptr_t)d | (uintptr_t)s) & 3) == 0) {
        for (; size >= 4; size -= 4, d += 4, s += 4) {
            *(uint32_t *)d = *(const uint32_t *)s;
        }
    }
    while (size--) {
        *d++ = *s++;
    }
    return to;
}

void *EXPORT(fw_memmove)(void *to, const void *from, uint32_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if ((uintptr_t)d - (uintptr_t)s < size) {
        while (size--) {
            d[size] = s[size];
        }
    } else {
        for (uint32_t i = 0; i < size; i++) {
            d[i] = s[i];
        }
    }
    return to;
}

void *EXPORT(fw_memset)(void *to, uint32_t byte, uint32_t size)
{
    uint8_t *d = to;
    while (size && ((uintptr_t)d & 3)) {
        *d++ = (uint8_t)byte;
        size--;
    }
    uint32_t word = (byte & 0xff) * 0x01010101u;
    for (; size >= 4; size -= 4, d += 4) {
        *(uint32_t *)d = word;
    }
    while (size--) {
        *d++ = (uint8_t)byte;
    }
    return to;
}

// The same two by the engine's own bulk operators.
void EXPORT(bulk_copy)(void *to, const void *from, uint32_t size) { __builtin_memmove(to, from, size); }
void EXPORT(bulk_fill)(void *to, uint32_t byte, uint32_t size) { __builtin_memset(to, (int)byte, size); }

int32_t EXPORT(fw_memcmp)(const void *a, const void *b, uint32_t size)
{
    const uint8_t *x = a, *y = b;
    for (; size; size--, x++, y++) {
        if (*x != *y) {
            return *x < *y ? -1 : 1;
        }
    }
    return 0;
}

uint32_t EXPORT(fw_strlen)(const char *s)
{
    const char *p = s;
    while (*p) {
        p++;
    }
    return (uint32_t)(p - s);
}

int32_t EXPORT(fw_strcmp)(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a - (uint8_t)*b;
}

// Position of the first occurrence, or -1.
int32_t EXPORT(fw_strstr)(const char *haystack, const char *needle)
{
    for (uint32_t i = 0;; i++) {
        uint32_t k = 0;
        while (needle[k] && haystack[i + k] == needle[k]) {
            k++;
        }
        if (!needle[k]) {
            return (int32_t)i;
        }
        if (!haystack[i + k]) {
            return -1;
        }
    }
}

// Writes a number in base 2 to 36. Returns the length without the final zero byte, or -22.
int32_t EXPORT(fw_itoa)(int32_t value, char *to, uint32_t base)
{
    if (base < 2 || base > 36) {
        return -22;
    }
    char reversed[33];
    uint32_t n = 0, written = 0;
    uint32_t x = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    do {
        uint32_t digit = x % base;
        reversed[n++] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        x /= base;
    } while (x);
    if (value < 0) {
        to[written++] = '-';
    }
    while (n) {
        to[written++] = reversed[--n];
    }
    to[written] = 0;
    return (int32_t)written;
}

// Reads a decimal or 0x number with sign, saturating. Low word: the value; high word: characters used.
uint64_t EXPORT(fw_strtol)(const char *s)
{
    uint32_t at = 0, base = 10;
    while (s[at] == ' ' || s[at] == '\t') {
        at++;
    }
    bool negative = s[at] == '-';
    at += negative || s[at] == '+';
    if (s[at] == '0' && (s[at + 1] | 0x20) == 'x') {
        base = 16;
        at += 2;
    }
    int64_t value = 0;
    uint32_t digits = 0;
    for (;; at++, digits++) {
        uint32_t c = (uint8_t)s[at];
        uint32_t d = c - '0' < 10 ? c - '0' : (c | 0x20) - 'a' < 26 ? (c | 0x20) - 'a' + 10 : 36;
        if (d >= base) {
            break;
        }
        value = value * base + d;
        if (value > 0x80000000ll) {
            value = 0x80000000ll;
        }
    }
    if (negative) {
        value = -value;
    } else if (value > INT32_MAX) {
        value = INT32_MAX;
    }
    return digits ? (uint32_t)value | (uint64_t)at << 32 : 0;
}

// Matches a name against a pattern with * and ?, without recursion.
uint32_t EXPORT(glob_match)(const char *name, const char *pattern)
{
    const char *star = NULL, *resume = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return 0;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == 0;
}

// Consistent overhead byte stuffing: a frame without zero bytes. Returns its size.
uint32_t EXPORT(cobs_encode)(const uint8_t *from, uint32_t size, uint8_t *to)
{
    uint32_t code_at = 0, written = 1, code = 1;
    for (uint32_t i = 0; i < size; i++) {
        if (from[i]) {
            to[written++] = from[i];
            code++;
        }
        if (from[i] == 0 || code == 0xff) {
            to[code_at] = (uint8_t)code;
            code = 1;
            code_at = written;
            if (from[i] == 0 || i + 1 < size) {
                written++;
            }
        }
    }
    if (code_at < written) {
        to[code_at] = (uint8_t)code;
    }
    return written;
}
