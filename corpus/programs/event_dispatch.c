// Events from drivers, dispatched to handlers that are registered at run time, through tables of function pointers.
// about: Event dispatcher with run-time registration, filters of another signature, 64-bit time stamps and a driver table.
// group: kernel
// link: --export=event_log
#include "firmware.h"

void IMPORT(led)(uint32_t on);

#define E_INVAL (-22)
#define E_BUSY  (-16)
#define KINDS   6u
#define LOG     16u

struct event {
    uint32_t kind;
    int32_t value;
    uint64_t time;
};

typedef int32_t (*handler)(const struct event *event, int32_t state);
typedef bool (*filter)(int32_t value);
typedef uint64_t (*clock_source)(uint64_t ticks);

uint32_t event_log[LOG];
static uint32_t logged;
static int32_t states[KINDS];

static int32_t count(const struct event *e, int32_t state) { (void)e; return state + 1; }
static int32_t accumulate(const struct event *e, int32_t state) { return (int32_t)((uint32_t)state + (uint32_t)e->value); }
static int32_t keep_largest(const struct event *e, int32_t state) { return e->value > state ? e->value : state; }
static int32_t latency(const struct event *e, int32_t state)
{
    int32_t age = (int32_t)(e->time >> 10);
    return state + ((age - state) >> 2);
}
static int32_t blink(const struct event *e, int32_t state)
{
    led((uint32_t)(e->value & 1));
    return !state;
}

static bool accept_all(int32_t value) { (void)value; return true; }
static bool positive(int32_t value) { return value > 0; }
static bool in_band(int32_t value) { return (uint32_t)(value + 100) <= 200; }

static uint64_t clock_ticks(uint64_t ticks) { return ticks; }
static uint64_t clock_microseconds(uint64_t ticks) { return ticks * 1000000u / 32768u; }
static uint64_t clock_seconds(uint64_t ticks) { return ticks >> 15; }

static const handler handlers[5] = { count, accumulate, keep_largest, latency, blink };
static const filter filters[3] = { accept_all, positive, in_band };
static const clock_source clocks[3] = { clock_ticks, clock_microseconds, clock_seconds };

static handler registered[KINDS];
static filter guards[KINDS];
static clock_source clock = clock_ticks;

// Registers handler and filter by number for an event kind. Returns 0, E_INVAL or E_BUSY.
int32_t EXPORT(event_register)(uint32_t kind, uint32_t which, uint32_t guard)
{
    if (kind >= KINDS || which >= 5 || guard >= 3) {
        return E_INVAL;
    }
    if (registered[kind]) {
        return E_BUSY;
    }
    registered[kind] = handlers[which];
    guards[kind] = filters[guard];
    states[kind] = 0;
    return 0;
}

int32_t EXPORT(event_unregister)(uint32_t kind)
{
    if (kind >= KINDS || !registered[kind]) {
        return E_INVAL;
    }
    registered[kind] = NULL;
    return states[kind];
}

// Selects the clock: 0 ticks, 1 microseconds, 2 seconds. Returns 0 or E_INVAL.
int32_t EXPORT(event_clock)(uint32_t which)
{
    if (which >= 3) {
        return E_INVAL;
    }
    clock = clocks[which];
    return 0;
}

uint64_t EXPORT(event_time)(uint64_t ticks)
{
    return clock(ticks);
}

// Posts one event. Returns the new state of its kind, or E_INVAL where nobody listens.
int32_t EXPORT(event_post)(uint32_t kind, int32_t value, uint64_t ticks)
{
    if (kind >= KINDS || !registered[kind]) {
        return E_INVAL;
    }
    if (!guards[kind](value)) {
        return states[kind];
    }
    struct event e = { kind, value, clock(ticks) };
    states[kind] = registered[kind](&e, states[kind]);
    event_log[logged++ % LOG] = kind << 24 | ((uint32_t)value & 0xffffff);
    return states[kind];
}

// Posts without asking whether anybody listens: calls through a null pointer where nobody does.
int32_t EXPORT(event_post_unchecked)(uint32_t kind, int32_t value)
{
    struct event e = { kind, value, 0 };
    kind %= KINDS;
    return states[kind] = registered[kind](&e, states[kind]);
}
