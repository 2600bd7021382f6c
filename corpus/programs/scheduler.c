// A cooperative scheduler: one poll walks the task table, moves two tasks between states and mixes a trace word.
// about: Task-table scheduler poll that calls a task transition twice and a small mixer with five arguments.
// group: kernel
// link: --export=tasks --export=trace
#include "firmware.h"

void IMPORT(run_task)(uint32_t task, uint32_t now);

#define TASKS   8u
#define E_INVAL (-22)

enum state { DORMANT = 0, READY = 1, RUNNING = 2, SLEEPING = 3, FAULTED = 4 };

struct task {
    uint8_t state;
    uint8_t priority; // 0 is the most urgent
    uint16_t runs;
    uint32_t wake_at;
    uint32_t period; // ticks, 0 for a task that runs once
};

struct task tasks[TASKS];
uint32_t trace;

static uint32_t current = TASKS;

// Moves a task to a state at `now`; the table and its size are arguments so that a second core can have its own.
// Returns the state it left, or FAULTED for a move the state machine does not have.
INTERNAL uint32_t transition(struct task *table, uint32_t size, uint32_t index, uint32_t to, uint32_t now)
{
    if (index >= size) {
        return FAULTED;
    }
    struct task *t = &table[index];
    uint32_t from = t->state;

    switch (from) {
    case DORMANT:
    case SLEEPING:
        if (to != READY) {
            return FAULTED;
        }
        break;
    case READY:
        if (to != RUNNING) {
            return FAULTED;
        }
        t->runs++;
        break;
    case RUNNING:
        if (to == SLEEPING) {
            t->wake_at = now + t->period;
        } else if (to != DORMANT && to != READY) {
            return FAULTED;
        }
        break;
    default:
        return FAULTED;
    }
    t->state = (uint8_t)to;
    return from;
}

// Mixes five values into one trace word.
INTERNAL uint32_t mix(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
{
    a ^= (b << 7) | (b >> 25);
    a += c * 0x9e3779b1u;
    a ^= d << 3;
    return a - (e ^ (a >> 11));
}

// The next ready task after `after` in round-robin order among the most urgent; `size` when there is none.
INTERNAL uint32_t pick(const struct task *table, uint32_t size, uint32_t after)
{
    uint32_t best = size;
    uint32_t best_priority = 256;
    uint32_t index = after;

    for (uint32_t n = 0; n < size; n++) {
        index = (index + 1) % size;
        if (table[index].state == READY && table[index].priority < best_priority) {
            best = index;
            best_priority = table[index].priority;
        }
    }
    return best;
}

uint32_t EXPORT(sched_pick)(uint32_t after)
{
    return pick(tasks, TASKS, after);
}

// One turn over a table: wake sleepers, put the running task to sleep, start the next one.
// Returns the task started, or TASKS.
uint32_t EXPORT(sched_poll_table)(struct task *table, uint32_t size, uint32_t now)
{
    if (size == 0 || size > TASKS) {
        return TASKS;
    }
    for (uint32_t i = 0; i < size; i++) {
        // The difference is signed so that the tick counter may wrap.
        if (table[i].state == SLEEPING && (int32_t)(now - table[i].wake_at) >= 0) {
            table[i].state = READY;
        }
    }
    uint32_t left = FAULTED;
    if (current < size) {
        left = transition(table, size, current, table[current].period ? SLEEPING : DORMANT, now);
    }
    uint32_t next = pick(table, size, current < size ? current : size - 1);
    uint32_t entered = transition(table, size, next, RUNNING, now);
    trace = mix(trace, now, next, left, entered);
    current = next < size ? next : TASKS;
    if (next < size) {
        run_task(next, now);
    }
    return current;
}

uint32_t EXPORT(sched_poll)(uint32_t now)
{
    return sched_poll_table(tasks, TASKS, now);
}

// Creates a task, dormant. Returns 0 or E_INVAL.
int32_t EXPORT(sched_create)(uint32_t index, uint32_t priority, uint32_t period)
{
    if (index >= TASKS || priority > 255) {
        return E_INVAL;
    }
    tasks[index] = (struct task){ .state = DORMANT, .priority = (uint8_t)priority, .period = period };
    return 0;
}

// Makes a dormant or sleeping task ready. Returns the state it left, or E_INVAL.
int32_t EXPORT(sched_start)(uint32_t index, uint32_t now)
{
    uint32_t left = transition(tasks, TASKS, index, READY, now);
    return left == FAULTED ? E_INVAL : (int32_t)left;
}

// Polls until `ticks` have gone by, at most 1000. Returns the trace word.
uint32_t EXPORT(sched_run)(uint32_t now, uint32_t ticks)
{
    for (uint32_t n = 0; n < ticks && n < 1000; n++) {
        sched_poll(now + n);
    }
    return trace;
}

uint32_t EXPORT(sched_runs)(uint32_t index)
{
    return index < TASKS ? tasks[index].runs : 0xffffffffu;
}
