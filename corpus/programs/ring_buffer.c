// A byte ring buffer with free-running indices, as between an interrupt handler and a driver.
// about: Power-of-two byte ring buffer with claim and commit, block transfer and a default hook that keeps overrun statistics.
// group: kernel
// link: --export=ring --export=scratch
#include "firmware.h"

#define RING_BYTES 64u // a power of two
#define RING_MASK  (RING_BYTES - 1u)

struct ring_buffer {
    uint32_t head; // next byte to write, free running
    uint32_t tail; // next byte to read, free running
    uint32_t overruns;
    uint8_t data[RING_BYTES];
};

#define HISTORY 8u // a power of two

static struct {
    uint32_t bursts;
    uint32_t worst; // most bytes lost at once
    uint16_t history[HISTORY];
} losses;

struct ring_buffer ring;
uint8_t scratch[128];

void EXPORT(ring_reset)(uint32_t start)
{
    // Starting elsewhere than at zero lets a test reach the wrap of the free-running indices at once.
    ring.head = start;
    ring.tail = start;
    ring.overruns = 0;
    losses.bursts = 0;
    losses.worst = 0;
}

// Called where bytes are lost. A board that wants to log what was pending and for how long brings its own hook; this default keeps
// statistics and does not look at them.
__attribute__((weak, noinline)) void ring_lost(uint32_t lost, const uint8_t *pending, uint32_t age_us)
{
    (void)pending;
    (void)age_us;
    ring.overruns += lost;
    if (lost > losses.worst) {
        losses.worst = lost;
    }
    losses.history[losses.bursts++ & (HISTORY - 1u)] = (uint16_t)(lost > 0xffff ? 0xffff : lost);
}

uint32_t EXPORT(ring_used)(void)
{
    return ring.head - ring.tail;
}

uint32_t EXPORT(ring_space)(void)
{
    return RING_BYTES - ring_used();
}

// Called from the receive interrupt. Returns 1, or 0 when the byte had to be dropped.
int32_t EXPORT(ring_put)(uint32_t byte)
{
    if (ring_space() == 0) {
        // At 115200 baud a byte takes 86.8 us.
        ring_lost(1, &ring.data[ring.tail & RING_MASK], (ring.head - ring.tail) * 868u / 10u);
        return 0;
    }
    ring.data[ring.head & RING_MASK] = (uint8_t)byte;
    ring.head++;
    return 1;
}

// Returns the next byte, or -1 when the buffer is empty.
int32_t EXPORT(ring_get)(void)
{
    if (ring.head == ring.tail) {
        return -1;
    }
    return ring.data[ring.tail++ & RING_MASK];
}

// Looks `offset` bytes ahead without consuming. Returns -1 beyond the end.
int32_t EXPORT(ring_peek)(uint32_t offset)
{
    if (offset >= ring_used()) {
        return -1;
    }
    return ring.data[(ring.tail + offset) & RING_MASK];
}

// Copies up to `size` bytes in, in at most two runs. Returns how many were taken.
uint32_t EXPORT(ring_write)(const uint8_t *from, uint32_t size)
{
    uint32_t space = ring_space();
    uint32_t taken = size < space ? size : space;
    uint32_t at = ring.head & RING_MASK;
    uint32_t run = RING_BYTES - at < taken ? RING_BYTES - at : taken;

    for (uint32_t i = 0; i < run; i++) {
        ring.data[at + i] = from[i];
    }
    for (uint32_t i = run; i < taken; i++) {
        ring.data[i - run] = from[i];
    }
    ring.head += taken;
    if (taken < size) {
        ring_lost(size - taken, &ring.data[ring.tail & RING_MASK], (ring.head - ring.tail) * 868u / 10u);
    }
    return taken;
}

// Copies up to `size` bytes out. Returns how many there were.
uint32_t EXPORT(ring_read)(uint8_t *to, uint32_t size)
{
    uint32_t used = ring_used();
    uint32_t given = size < used ? size : used;
    uint32_t at = ring.tail & RING_MASK;
    uint32_t run = RING_BYTES - at < given ? RING_BYTES - at : given;

    __builtin_memcpy(to, &ring.data[at], run);
    __builtin_memcpy(to + run, ring.data, given - run);
    ring.tail += given;
    return given;
}

uint32_t EXPORT(ring_overruns)(void)
{
    return ring.overruns;
}

// Most bytes lost at once since the last reset.
uint32_t EXPORT(ring_worst)(void)
{
    return losses.worst;
}
