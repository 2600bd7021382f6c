/* A library with data of its own and its host: both have pointers to the other's objects. */
#ifndef STATICS_H
#define STATICS_H

#include <stdint.h>

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name))) name
#else
#define EXPORT(name) name
#endif

struct mode {
    const char *name;
    uint32_t code;
    const struct mode *next;
};

struct record {
    uint32_t words[8];
    const char *label;
    uint64_t sum;
};

struct note {
    const char *what;
    uint32_t *counter;
    uint8_t *bytes;
    uint32_t length;
};

/* Of the library. */
const struct mode *mode_find(uint32_t code);
uint32_t table_at(uint32_t i);
uint32_t cursor_next(uint32_t steps);
uint32_t ring_put(const uint8_t *bytes, uint32_t length);
uint8_t *ring_at(uint32_t i);
uint64_t sum_add(int32_t value);
uint32_t apply(uint32_t which, uint32_t x);
int32_t report(const uint8_t *text, uint32_t length, uint32_t *counter);
void record_fill(struct record *to, const char *label);
uint8_t *aligned_block(void);
uint32_t *cells_alloc(uint32_t count);
uint32_t tuning(void);

/* Of the host. */
int32_t host_note(const struct note *note);

#endif
