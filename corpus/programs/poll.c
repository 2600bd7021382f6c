// A round-robin poll of a task table: each turn takes the running task off, starts the next one if it is due, mixes a trace word.
// about: Scheduler poll with a task transition called twice, a mixer of five arguments called once and a wrap-around by select.
// group: kernel
// link: --export=slots --export=poll_trace
#include "firmware.h"

#define SLOTS   6u
#define E_INVAL (-22)

enum state { WAITING = 0, RUNNING = 1, STOPPED = 2 };

struct slot {
    uint32_t state;
    uint32_t period; // in ticks; a corrupted 0 traps
    uint32_t since;
    uint32_t moves;
};

struct slot slots[SLOTS] = {
    { WAITING, 1, 0, 0 }, { WAITING, 2, 0, 0 }, { WAITING, 3, 0, 0 },
    { WAITING, 5, 0, 0 }, { STOPPED, 7, 0, 0 }, { WAITING, 4, 0, 0 },
};
uint32_t poll_trace = 0x811c9dc5u;

static uint32_t cursor;

// Moves a slot from a state to another one. Returns whether it was in that state.
INTERNAL uint32_t transition(struct slot *slot, uint32_t from, uint32_t to, uint32_t now)
{
    if (slot->state != from) {
        return 0;
    }
    slot->state = to;
    slot->since = now;
    slot->moves++;
    return 1;
}

// Mixes five values into one.
INTERNAL uint32_t mix(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
{
    a = (a ^ b) * 0x01000193u;
    a ^= (c << 5) | (d << 1) | e;
    return (a << 7) | (a >> 25);
}

// One turn. Returns whether a slot was started.
uint32_t EXPORT(poll)(uint32_t now)
{
    uint32_t at = cursor;
    uint32_t next = at + 1 < SLOTS ? at + 1 : 0;
    uint32_t left = transition(&slots[at], RUNNING, WAITING, now);
    uint32_t entered = 0;

    if (now % slots[next].period == 0) {
        entered = transition(&slots[next], WAITING, RUNNING, now);
    }
    cursor = next;
    poll_trace = mix(poll_trace, now, next, left, entered);
    return entered;
}

// Polls at each tick from `now` on, at most 1000 times. Returns how many slots were started.
uint32_t EXPORT(poll_many)(uint32_t now, uint32_t turns)
{
    uint32_t started = 0;

    for (uint32_t n = 0; n < turns && n < 1000; n++) {
        started += poll(now + n);
    }
    return started;
}

// Stops a slot, or lets it go on with another period. Returns the state it was in, or E_INVAL.
int32_t EXPORT(poll_set)(uint32_t index, uint32_t period)
{
    if (index >= SLOTS) {
        return E_INVAL;
    }
    int32_t state = (int32_t)slots[index].state;

    slots[index].state = period == 0 ? STOPPED : WAITING;
    if (period != 0) {
        slots[index].period = period;
    }
    return state;
}
