// A queue of fixed-size messages, with priorities: urgent messages overtake.
// about: Fixed-size message queue with put, urgent put, get, peek and purge; waiting readers get the message directly.
// group: kernel
// link: --export=queue --export=message
#include "firmware.h"

void IMPORT(deliver)(const void *message, uint32_t waiter);

#define OK         0
#define E_INVAL    (-22)
#define E_NO_DATA  (-42)
#define E_FULL     (-105)
#define SLOTS      6u
#define WORDS      4u

struct message {
    uint32_t word[WORDS];
};

struct queue {
    uint32_t first, used, waiters, lost;
    struct message slot[SLOTS];
};

struct queue queue;
struct message message;

enum put_action { PUT_STORE = 0, PUT_DELIVER = 1, PUT_FULL = 2 };

// Low word: action; high word: the slot to use.
uint64_t EXPORT(msgq_put_decide)(uint32_t first, uint32_t used, uint32_t waiters, uint32_t urgent)
{
    if (waiters) {
        return PUT_DELIVER;
    }
    if (used >= SLOTS) {
        return PUT_FULL;
    }
    uint32_t slot = urgent ? (first + SLOTS - 1) % SLOTS : (first + used) % SLOTS;
    return PUT_STORE | ((uint64_t)slot << 32);
}

int32_t EXPORT(msgq_put)(const struct message *from, uint32_t urgent)
{
    uint64_t decision = msgq_put_decide(queue.first, queue.used, queue.waiters, urgent);
    switch ((enum put_action)(uint32_t)decision) {
    case PUT_DELIVER:
        deliver(from, queue.waiters);
        queue.waiters--;
        return OK;
    case PUT_FULL:
        queue.lost++;
        return E_FULL;
    case PUT_STORE:
        break;
    }
    uint32_t slot = (uint32_t)(decision >> 32);
    queue.slot[slot] = *from;
    if (urgent) {
        queue.first = slot;
    }
    queue.used++;
    return OK;
}

int32_t EXPORT(msgq_get)(struct message *to, uint32_t may_wait)
{
    if (queue.used == 0) {
        queue.waiters += may_wait != 0;
        return E_NO_DATA;
    }
    *to = queue.slot[queue.first];
    queue.first = queue.first + 1 == SLOTS ? 0 : queue.first + 1;
    queue.used--;
    return OK;
}

int32_t EXPORT(msgq_peek)(struct message *to, uint32_t index)
{
    if (index >= queue.used) {
        return E_NO_DATA;
    }
    __builtin_memmove(to, &queue.slot[(queue.first + index) % SLOTS], sizeof *to);
    return OK;
}

uint32_t EXPORT(msgq_used)(void)
{
    return queue.used;
}

// Empties the queue, wipes its slots and returns how many messages were dropped.
uint32_t EXPORT(msgq_purge)(void)
{
    uint32_t dropped = queue.used;
    __builtin_memset(queue.slot, 0, sizeof queue.slot);
    queue.first = 0;
    queue.used = 0;
    queue.waiters = 0;
    return dropped;
}

// A checksum over the queued messages, oldest first, for the health monitor.
uint32_t EXPORT(msgq_checksum)(void)
{
    uint32_t sum = 0x9e3779b9u;
    for (uint32_t i = 0; i < queue.used; i++) {
        const struct message *m = &queue.slot[(queue.first + i) % SLOTS];
        for (uint32_t w = 0; w < WORDS; w++) {
            sum = ((sum << 5) | (sum >> 27)) ^ m->word[w];
        }
    }
    return sum;
}
