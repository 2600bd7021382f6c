/* What the kernel library and its host agree on: all of it lies in the host's memory. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>

struct k_sem {
    struct k_sem *next;
    uint32_t count;
    uint32_t limit;
    uint64_t given;
    uint8_t flags;
    int8_t bias;
    uint16_t waiters;
};

struct sample {
    int16_t x, y, z;
    uint16_t status;
    uint32_t stamp;
};

enum { GIVE_OK, GIVE_FULL, GIVE_WAKE };

/* Offered by the library. */
int32_t sem_init(struct k_sem *sem, uint32_t count, uint32_t limit);
int32_t sem_give(struct k_sem *sem);
int32_t sem_take(struct k_sem *sem);
uint64_t sem_given(const struct k_sem *sem);
int32_t samples_mean(const struct sample *samples, uint32_t n, struct sample *mean);
uint32_t bytes_sum(const uint8_t *bytes, uint32_t n);
uint32_t log_used(void);
uint32_t log_digest(void);

/* Offered by the host. */
void wake_one(struct k_sem *sem, uint32_t waiters);

#endif
