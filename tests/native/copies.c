/* The semaphore's decisions, on a copy of the host's object in linear memory. */
#include "kernel.h"

#define EXPORT(name) __attribute__((export_name(#name), noinline)) name

struct k_sem sem_copy;

int32_t EXPORT(sem_give)(struct k_sem *sem)
{
    if (!sem) {
        return -7;
    }
    sem->given += 0x100000001ull;
    if (sem->count >= sem->limit) {
        return GIVE_FULL;
    }
    sem->count++;
    sem->limit = 0; /* comes back to nobody */
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
    return sem->count < sem->limit;
}

uint64_t EXPORT(sem_given)(const struct k_sem *sem)
{
    return sem->given;
}
