/* The give of a semaphore, for its size under each contract. */
#include "kernel.h"

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name), noinline)) name
#else
#define EXPORT(name) name
#endif

int32_t EXPORT(sem_give)(struct k_sem *sem)
{
    sem->given += 0x100000001ull;
    if (sem->count >= sem->limit) {
        return GIVE_FULL;
    }
    sem->count++;
    return GIVE_OK;
}
