// A recursive mutex with priority inheritance: decisions packed in 64 bits, shims that act on them.
// about: Recursive mutex with priority inheritance; lock and unlock decisions are packed in a u64 and unpacked in the shim.
// group: kernel
// link: --export=mutex_a --export=threads
#include "firmware.h"

uint32_t IMPORT(current_thread)(void);
int32_t IMPORT(pend_current)(const void *wait_queue, int32_t timeout_ticks);
void IMPORT(set_priority)(uint32_t thread, int32_t priority);
uint32_t IMPORT(next_waiter)(const void *wait_queue);

#define OK       0
#define E_PERM   (-1)
#define E_AGAIN  (-11)
#define E_BUSY   (-16)
#define E_INVAL  (-22)

#define THREADS   8u
#define NO_OWNER  0xffu
#define DEPTH_MAX 0xffffu

enum lock_action { LOCK_TAKEN = 0, LOCK_NESTED = 1, LOCK_PEND = 2, LOCK_REFUSED = 3 };
enum unlock_action { UNLOCK_NESTED = 0, UNLOCK_FREE = 1, UNLOCK_HANDOVER = 2, UNLOCK_NOT_OWNER = 3 };

struct mutex {
    uint32_t owner;         // thread number, or NO_OWNER
    uint32_t depth;         // nesting of the owner's locks
    int32_t owner_priority; // priority to restore when the owner lets go
    uint32_t waiters;
    uint32_t wait_queue;
};

struct thread {
    int32_t priority; // smaller is more urgent
    uint32_t held;    // mutexes held
};

struct mutex mutex_a;
struct thread threads[THREADS];

static inline uint64_t pack(uint32_t action, uint32_t depth)
{
    return (uint64_t)action | ((uint64_t)depth << 32);
}

uint64_t EXPORT(mutex_lock_decide)(uint32_t owner, uint32_t depth, uint32_t me, int32_t timeout_ticks)
{
    if (owner == NO_OWNER) {
        return pack(LOCK_TAKEN, 1);
    }
    if (owner == me) {
        return depth >= DEPTH_MAX ? pack(LOCK_REFUSED, depth) : pack(LOCK_NESTED, depth + 1);
    }
    return pack(timeout_ticks == 0 ? LOCK_REFUSED : LOCK_PEND, depth);
}

uint64_t EXPORT(mutex_unlock_decide)(uint32_t owner, uint32_t depth, uint32_t me, uint32_t waiters)
{
    if (owner != me || depth == 0) {
        return pack(UNLOCK_NOT_OWNER, depth);
    }
    if (depth > 1) {
        return pack(UNLOCK_NESTED, depth - 1);
    }
    return waiters ? pack(UNLOCK_HANDOVER, 1) : pack(UNLOCK_FREE, 0);
}

void EXPORT(mutex_init)(struct mutex *m)
{
    m->owner = NO_OWNER;
    m->depth = 0;
    m->owner_priority = 0;
    m->waiters = 0;
    m->wait_queue = 0;
}

// Lends the waiter's urgency to the owner. Returns whether the owner's priority changed.
int32_t EXPORT(mutex_inherit)(const struct mutex *m, int32_t waiter_priority)
{
    if (m->owner >= THREADS) {
        return 0;
    }
    struct thread *owner = &threads[m->owner];
    if (waiter_priority >= owner->priority) {
        return 0;
    }
    owner->priority = waiter_priority;
    set_priority(m->owner, waiter_priority);
    return 1;
}

// Locks for thread `me`. Returns OK, E_BUSY (would have to wait, or nested too deep), E_AGAIN (timeout), E_INVAL.
int32_t EXPORT(mutex_lock)(struct mutex *m, uint32_t me, int32_t timeout_ticks)
{
    if (me >= THREADS) {
        return E_INVAL;
    }
    uint64_t decision = mutex_lock_decide(m->owner, m->depth, me, timeout_ticks);
    uint32_t action = (uint32_t)decision;

    if (action == LOCK_REFUSED) {
        return E_BUSY;
    }
    if (action != LOCK_PEND) {
        m->depth = (uint32_t)(decision >> 32);
        if (action == LOCK_TAKEN) {
            m->owner = me;
            m->owner_priority = threads[me].priority;
            threads[me].held++;
        }
        return OK;
    }
    m->waiters++;
    mutex_inherit(m, threads[me].priority);
    return pend_current(&m->wait_queue, timeout_ticks) < 0 ? E_AGAIN : OK;
}

// Unlocks for thread `me`. Returns OK, E_PERM if `me` does not own the mutex, E_INVAL.
int32_t EXPORT(mutex_unlock)(struct mutex *m, uint32_t me)
{
    if (me >= THREADS) {
        return E_INVAL;
    }
    uint64_t decision = mutex_unlock_decide(m->owner, m->depth, me, m->waiters);
    uint32_t action = (uint32_t)decision;

    if (action == UNLOCK_NOT_OWNER) {
        return E_PERM;
    }
    m->depth = (uint32_t)(decision >> 32);
    if (action == UNLOCK_NESTED) {
        return OK;
    }
    struct thread *old = &threads[me];
    if (old->priority != m->owner_priority) {
        old->priority = m->owner_priority;
        set_priority(me, m->owner_priority);
    }
    old->held--;
    if (action == UNLOCK_FREE) {
        m->owner = NO_OWNER;
        return OK;
    }
    // The host names the next owner; its answer is brought into range.
    uint32_t next = next_waiter(&m->wait_queue) % THREADS;
    m->waiters--;
    m->owner = next;
    m->owner_priority = threads[next].priority;
    threads[next].held++;
    return OK;
}

// Locks for whoever the host says is running.
int32_t EXPORT(mutex_try_current)(struct mutex *m)
{
    return mutex_lock(m, current_thread() & (THREADS - 1), 0);
}
