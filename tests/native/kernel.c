/* A kernel library whose callers keep the objects: pointer parameters are host addresses, the log is the library's own. */
#include "kernel.h"

#define EXPORT(name) __attribute__((export_name(#name), noinline)) name
#define INTERNAL static __attribute__((noinline))

__attribute__((import_module("env"), import_name("wake_one"))) void wake_one(struct k_sem *sem, uint32_t waiters);

struct entry {
    uint32_t what;
    uint32_t value;
};

/* The library's own state: linear memory. */
static struct entry entries[8];
static uint32_t used;
static const uint8_t weights[4] = {3, 1, 4, 1};

INTERNAL void note(uint32_t what, uint32_t value)
{
    struct entry *e = &entries[used % 8];

    e->what = what;
    e->value = value;
    used++;
}

/* Gets host addresses from every caller. */
INTERNAL int has_room(const struct k_sem *sem)
{
    return sem->count < sem->limit;
}

int32_t EXPORT(sem_init)(struct k_sem *sem, uint32_t count, uint32_t limit)
{
    if (!sem || limit == 0 || count > limit) {
        return -1;
    }
    sem->next = 0;
    sem->count = count;
    sem->limit = limit;
    sem->given = 0;
    sem->flags = 0x80;
    sem->bias = -3;
    sem->waiters = 0;
    return 0;
}

int32_t EXPORT(sem_give)(struct k_sem *sem)
{
    sem->given += 0x100000001ull;
    if (sem->waiters) {
        sem->waiters--;
        note(GIVE_WAKE, sem->count);
        wake_one(sem, sem->waiters);
        return GIVE_WAKE;
    }
    if (!has_room(sem)) {
        note(GIVE_FULL, sem->count);
        return GIVE_FULL;
    }
    sem->count++;
    note(GIVE_OK, sem->count);
    return GIVE_OK;
}

int32_t EXPORT(sem_take)(struct k_sem *sem)
{
    if (sem->count == 0) {
        sem->waiters++;
        return sem->bias;
    }
    sem->count--;
    sem->flags |= 1;
    return has_room(sem);
}

uint64_t EXPORT(sem_given)(const struct k_sem *sem)
{
    return sem->given;
}

/* Reads one array of structures and writes another, which may be one of them. */
int32_t EXPORT(samples_mean)(const struct sample *samples, uint32_t n, struct sample *mean)
{
    int32_t x = 0, y = 0, z = 0;
    uint32_t good = 0, stamp = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (samples[i].status & 1) {
            x += samples[i].x * weights[i % 4];
            y += samples[i].y;
            z += samples[i].z;
            good++;
            stamp = samples[i].stamp > stamp ? samples[i].stamp : stamp;
        }
    }
    if (good == 0) {
        return -1;
    }
    mean->x = (int16_t)(x / (int32_t)good);
    mean->y = (int16_t)(y / (int32_t)good);
    mean->z = (int16_t)(z / (int32_t)good);
    mean->status = 0x8001;
    mean->stamp = stamp;
    return (int32_t)good;
}

uint32_t EXPORT(bytes_sum)(const uint8_t *bytes, uint32_t n)
{
    uint32_t sum = 0;

    while (n--) {
        sum = sum * 31 + *bytes++;
    }
    return sum;
}

uint32_t EXPORT(log_used)(void)
{
    return used;
}

uint32_t EXPORT(log_digest)(void)
{
    uint32_t digest = 2166136261u;

    for (uint32_t i = 0; i < 8; i++) {
        digest = (digest ^ entries[i].what) * 16777619u;
        digest = (digest ^ entries[i].value) * 16777619u;
    }
    return digest;
}
