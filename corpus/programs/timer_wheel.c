// A hashed timer wheel and a switch debouncer, both driven from the system tick.
// about: Timer wheel with intrusive lists by index, and an integrating debouncer for eight inputs.
// group: kernel
// link: --export=expired
#include "firmware.h"

void IMPORT(timer_fired)(uint32_t timer, uint32_t now);

#define SLOTS    16u
#define TIMERS   24u
#define NONE     0xffu
#define E_INVAL  (-22)
#define E_ALREADY (-114)
#define INPUTS   8u
#define STABLE   4u

static struct {
    uint8_t next[TIMERS], previous[TIMERS], slot[TIMERS];
    uint16_t rounds[TIMERS];
    uint32_t period[TIMERS];
    uint8_t head[SLOTS];
    uint32_t now;
} wheel;

uint32_t expired[TIMERS];

static struct {
    uint8_t level[INPUTS];
    uint32_t stable; // debounced levels, one bit per input
} inputs;

void EXPORT(wheel_init)(uint32_t now)
{
    for (uint32_t i = 0; i < TIMERS; i++) {
        wheel.next[i] = wheel.previous[i] = wheel.slot[i] = NONE;
        wheel.period[i] = 0;
        expired[i] = 0;
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        wheel.head[i] = NONE;
    }
    wheel.now = now;
}

INTERNAL void insert(uint32_t timer, uint32_t ticks)
{
    uint32_t slot = (wheel.now + ticks) % SLOTS;
    uint8_t head = wheel.head[slot];

    wheel.rounds[timer] = (uint16_t)((ticks - 1) / SLOTS);
    wheel.slot[timer] = (uint8_t)slot;
    wheel.next[timer] = head;
    wheel.previous[timer] = NONE;
    if (head != NONE) {
        wheel.previous[head] = (uint8_t)timer;
    }
    wheel.head[slot] = (uint8_t)timer;
}

INTERNAL void unlink(uint32_t timer)
{
    uint8_t next = wheel.next[timer];
    uint8_t previous = wheel.previous[timer];

    if (previous == NONE) {
        wheel.head[wheel.slot[timer]] = next;
    } else {
        wheel.next[previous] = next;
    }
    if (next != NONE) {
        wheel.previous[next] = previous;
    }
    wheel.slot[timer] = NONE;
}

// Starts a timer; with a period it repeats. Returns 0, E_INVAL or E_ALREADY.
int32_t EXPORT(timer_start)(uint32_t timer, uint32_t ticks, uint32_t period)
{
    if (timer >= TIMERS || ticks == 0 || ticks > 0xffff || period > 0xffff) {
        return E_INVAL;
    }
    if (wheel.slot[timer] != NONE) {
        return E_ALREADY;
    }
    wheel.period[timer] = period;
    insert(timer, ticks);
    return 0;
}

// Stops a timer. Returns 1 if it was running, 0 if not, or E_INVAL.
int32_t EXPORT(timer_stop)(uint32_t timer)
{
    if (timer >= TIMERS) {
        return E_INVAL;
    }
    if (wheel.slot[timer] == NONE) {
        return 0;
    }
    unlink(timer);
    return 1;
}

// Advances one tick and fires what is due. Returns how many timers fired.
uint32_t EXPORT(wheel_tick)(void)
{
    uint32_t fired = 0;
    uint32_t timer = wheel.head[++wheel.now % SLOTS];

    while (timer != NONE) {
        uint32_t next = wheel.next[timer];
        if (wheel.rounds[timer]) {
            wheel.rounds[timer]--;
        } else {
            unlink(timer);
            expired[timer]++;
            fired++;
            timer_fired(timer, wheel.now);
            if (wheel.period[timer]) {
                insert(timer, wheel.period[timer]);
            }
        }
        timer = next;
    }
    return fired;
}

uint32_t EXPORT(wheel_advance)(uint32_t ticks)
{
    uint32_t fired = 0;
    while (ticks--) {
        fired += wheel_tick();
    }
    return fired;
}

// Samples the raw inputs, one bit each. Returns the bits whose debounced level has just changed.
uint32_t EXPORT(debounce_sample)(uint32_t raw)
{
    uint32_t changed = 0;
    for (uint32_t i = 0; i < INPUTS; i++) {
        uint32_t bit = 1u << i;
        uint32_t level = inputs.level[i];
        if (raw & bit) {
            level += level < STABLE;
        } else {
            level -= level > 0;
        }
        inputs.level[i] = (uint8_t)level;
        if (level == STABLE && !(inputs.stable & bit)) {
            changed |= bit;
        } else if (level == 0 && (inputs.stable & bit)) {
            changed |= bit;
        }
    }
    inputs.stable ^= changed;
    return changed;
}

uint32_t EXPORT(debounce_levels)(void)
{
    return inputs.stable;
}
