// A counting semaphore: pure decisions that return action and count packed in 64 bits, and shims that carry them out.
// about: Counting semaphore with packed 64-bit decisions, and kernel shims that unpack them and call the host.
// group: kernel
// link: --export=sem_a --export=sem_b --export=sem_stats
#include "firmware.h"

// Host services of the kernel.
uint32_t IMPORT(irq_lock)(void);
void IMPORT(irq_unlock)(uint32_t key);
void IMPORT(wake_first_waiter)(const void *wait_queue, int32_t result);
int32_t IMPORT(pend_current)(const void *wait_queue, int32_t timeout_ticks);
void IMPORT(reschedule)(uint32_t key);

#define OK       0
#define E_AGAIN  (-11)
#define E_BUSY   (-16)
#define E_INVAL  (-22)
#define NO_WAIT  0
#define FOREVER  (-1)

enum give_action { GIVE_COUNTED = 0, GIVE_WAKE = 1, GIVE_SATURATED = 2 };
enum take_action { TAKE_GOT = 0, TAKE_BUSY = 1, TAKE_PEND = 2 };

struct semaphore {
    uint32_t count;
    uint32_t limit;
    uint32_t waiters;
    uint32_t wait_queue[2];
};

struct statistics {
    uint32_t gives, takes, wakes, timeouts;
};

struct semaphore sem_a;
struct semaphore sem_b;
struct statistics sem_stats;

static inline uint64_t pack(uint32_t action, uint32_t count)
{
    return (uint64_t)action | ((uint64_t)count << 32);
}

// Decides what a give does. Low word: action; high word: the count to store.
uint64_t EXPORT(sem_give_decide)(uint32_t count, uint32_t limit, uint32_t has_waiter)
{
    if (has_waiter) {
        // The unit goes straight to the waiter; the count never becomes visible.
        return pack(GIVE_WAKE, count);
    }
    if (count >= limit) {
        return pack(GIVE_SATURATED, limit);
    }
    return pack(GIVE_COUNTED, count + 1);
}

// Decides what a take does. Low word: action; high word: the count to store.
uint64_t EXPORT(sem_take_decide)(uint32_t count, int32_t timeout_ticks)
{
    if (count > 0) {
        return pack(TAKE_GOT, count - 1);
    }
    return pack(timeout_ticks == NO_WAIT ? TAKE_BUSY : TAKE_PEND, 0);
}

int32_t EXPORT(k_sem_init)(struct semaphore *sem, uint32_t initial, uint32_t limit)
{
    if (limit == 0 || initial > limit) {
        return E_INVAL;
    }
    sem->count = initial;
    sem->limit = limit;
    sem->waiters = 0;
    sem->wait_queue[0] = 0;
    sem->wait_queue[1] = 0;
    return OK;
}

void EXPORT(k_sem_give)(struct semaphore *sem)
{
    uint32_t key = irq_lock();
    uint64_t decision = sem_give_decide(sem->count, sem->limit, sem->waiters != 0);
    uint32_t action = (uint32_t)decision;

    sem_stats.gives++;
    if (action == GIVE_WAKE) {
        sem->waiters--;
        sem_stats.wakes++;
        wake_first_waiter(sem->wait_queue, OK);
        reschedule(key);
        return;
    }
    sem->count = (uint32_t)(decision >> 32);
    irq_unlock(key);
}

int32_t EXPORT(k_sem_take)(struct semaphore *sem, int32_t timeout_ticks)
{
    uint32_t key = irq_lock();
    uint64_t decision = sem_take_decide(sem->count, timeout_ticks);

    switch ((uint32_t)decision) {
    case TAKE_GOT:
        sem->count = (uint32_t)(decision >> 32);
        sem_stats.takes++;
        irq_unlock(key);
        return OK;
    case TAKE_BUSY:
        irq_unlock(key);
        return E_BUSY;
    default:
        sem->waiters++;
        // The host hands back the lock and reports how the wait ended; only its sign is trusted.
        if (pend_current(sem->wait_queue, timeout_ticks) < 0) {
            sem_stats.timeouts++;
            sem->waiters--;
            return E_AGAIN;
        }
        sem_stats.takes++;
        return OK;
    }
}

// Empties the semaphore and releases everybody who waits with E_AGAIN. Returns how many were released.
uint32_t EXPORT(k_sem_reset)(struct semaphore *sem)
{
    uint32_t key = irq_lock();
    uint32_t released = 0;

    // A corrupted count must not hang the kernel: at most 64 threads exist.
    while (sem->waiters != 0 && released < 64) {
        wake_first_waiter(sem->wait_queue, E_AGAIN);
        sem->waiters--;
        released++;
    }
    sem->count = 0;
    reschedule(key);
    return released;
}

uint32_t EXPORT(k_sem_count)(const struct semaphore *sem)
{
    return sem->count;
}
