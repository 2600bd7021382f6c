// A byte pipe between threads: a decision on how much to move now, and shims that move it.
// about: Kernel byte pipe; the decision packs bytes to move and what to do next in a u64, the shims copy and wake.
// group: kernel
// link: --export=pipe_a --export=io
#include "firmware.h"

void IMPORT(wake_readers)(const void *queue);
void IMPORT(wake_writers)(const void *queue);
int32_t IMPORT(pend_current)(const void *queue, int32_t timeout_ticks);

#define E_AGAIN  (-11)
#define E_INVAL  (-22)
#define E_PIPE   (-32)
#define CAPACITY 48u

enum next { DONE = 0, PARTIAL = 1, WOULD_BLOCK = 2, CLOSED = 3 };

struct pipe {
    uint32_t used;
    uint32_t read_at;
    uint32_t flags; // bit 0: open
    uint32_t readers, writers;
    uint8_t bytes[CAPACITY]; // not a power of two: indices wrap by comparison
};

struct pipe pipe_a;
uint8_t io[128];

static inline uint64_t pack(uint32_t next, uint32_t bytes)
{
    return (uint64_t)next | ((uint64_t)bytes << 32);
}

// Decides one transfer. `available`: bytes (for a read) or room (for a write). At least `minimum` must move at once.
uint64_t EXPORT(pipe_decide)(uint32_t available, uint32_t wanted, uint32_t minimum, uint32_t open)
{
    if (!open && available == 0) {
        return pack(CLOSED, 0);
    }
    if (available >= wanted) {
        return pack(DONE, wanted);
    }
    if (available >= minimum && available > 0) {
        return pack(PARTIAL, available);
    }
    return pack(WOULD_BLOCK, 0);
}

void EXPORT(pipe_open)(struct pipe *p)
{
    p->used = 0;
    p->read_at = 0;
    p->flags = 1;
    p->readers = 0;
    p->writers = 0;
}

void EXPORT(pipe_close)(struct pipe *p)
{
    p->flags &= ~1u;
    if (p->readers) {
        wake_readers(&p->readers);
        p->readers = 0;
    }
    if (p->writers) {
        wake_writers(&p->writers);
        p->writers = 0;
    }
}

INTERNAL uint32_t advance(uint32_t at, uint32_t by)
{
    at += by;
    return at >= CAPACITY ? at - CAPACITY : at;
}

// Writes bytes. Returns how many were written, E_AGAIN, E_PIPE or E_INVAL.
int32_t EXPORT(pipe_write)(struct pipe *p, const uint8_t *from, uint32_t size, uint32_t minimum, int32_t timeout_ticks)
{
    if (minimum > size || size > 0x7fffffff) {
        return E_INVAL;
    }
    if (!(p->flags & 1)) {
        return E_PIPE;
    }
    uint64_t decision = pipe_decide(CAPACITY - p->used, size, minimum, 1);
    if ((uint32_t)decision == WOULD_BLOCK) {
        p->writers++;
        if (timeout_ticks != 0) {
            pend_current(&p->writers, timeout_ticks);
        }
        return E_AGAIN;
    }
    uint32_t count = (uint32_t)(decision >> 32);
    uint32_t at = advance(p->read_at, p->used);
    for (uint32_t i = 0; i < count; i++) {
        p->bytes[at] = from[i];
        at = advance(at, 1);
    }
    p->used += count;
    if (p->readers && count) {
        wake_readers(&p->readers);
        p->readers--;
    }
    return (int32_t)count;
}

// Reads bytes. Returns how many were read (0 at the end of a closed pipe), E_AGAIN or E_INVAL.
int32_t EXPORT(pipe_read)(struct pipe *p, uint8_t *to, uint32_t size, uint32_t minimum, int32_t timeout_ticks)
{
    if (minimum > size || size > 0x7fffffff) {
        return E_INVAL;
    }
    uint64_t decision = pipe_decide(p->used, size, minimum, p->flags & 1);
    switch ((uint32_t)decision) {
    case CLOSED:
        return 0;
    case WOULD_BLOCK:
        p->readers++;
        if (timeout_ticks != 0) {
            pend_current(&p->readers, timeout_ticks);
        }
        return E_AGAIN;
    default:
        break;
    }
    uint32_t count = (uint32_t)(decision >> 32);
    for (uint32_t i = 0; i < count; i++) {
        to[i] = p->bytes[p->read_at];
        p->read_at = advance(p->read_at, 1);
    }
    p->used -= count;
    if (p->writers && count) {
        wake_writers(&p->writers);
        p->writers--;
    }
    return (int32_t)count;
}

// Drops what is in the pipe. Returns how many bytes were dropped.
uint32_t EXPORT(pipe_flush)(struct pipe *p)
{
    uint32_t dropped = p->used;
    p->read_at = advance(p->read_at, dropped);
    p->used = 0;
    return dropped;
}
