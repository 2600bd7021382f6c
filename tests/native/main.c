/* The host: keeps all objects, calls the library, and compares what it finds with what it expects. Prints what differs. */
#include "kernel.h"

void __synth_put_text(const char *text);
void __synth_put_word(uint32_t word);

static uint32_t wrong;

#define EXPECT(found, expected) expect((found), (expected), #found)

static void expect(uint64_t found, uint64_t expected, const char *what)
{
    if (found != expected) {
        wrong++;
        __synth_put_text(what);
        __synth_put_text(": ");
        __synth_put_word((uint32_t)(found >> 32));
        __synth_put_word((uint32_t)found);
        __synth_put_text("\n");
    }
}

static struct k_sem sem;
static const struct k_sem *woken;
static uint32_t left;

void wake_one(struct k_sem *s, uint32_t waiters)
{
    woken = s;
    left = waiters;
    s->flags |= 2;
}

/* Read-only data of the host, in flash. */
static const struct sample samples[5] = {
    {100, -7, 30000, 1, 10}, {-50, 7, -30000, 0, 99}, {25, -8, 1, 3, 30}, {40, 0, -2, 1, 20}, {60, 1, 1, 5, 25},
};
static const uint8_t bytes[7] = {1, 2, 3, 250, 251, 252, 0};

int main(void)
{
    struct k_sem local = {&sem, 1, 2, 5, 0, -128, 0};
    struct sample mean[2] = {{0}};
    uint32_t digest = 2166136261u;

    EXPECT(sem_init(0, 0, 1), 0xffffffffffffffffull);
    EXPECT(sem_init(&sem, 3, 2), 0xffffffffffffffffull);
    EXPECT(sem_init(&sem, 0, 2), 0);
    EXPECT(sem.limit, 2);
    EXPECT(sem.flags, 0x80);
    EXPECT(sem.bias, 0xfffffffffffffffdull);
    EXPECT(sem_give(&sem), GIVE_OK);
    EXPECT(sem_give(&sem), GIVE_OK);
    EXPECT(sem_give(&sem), GIVE_FULL);
    EXPECT(sem.count, 2);
    EXPECT(sem_given(&sem), 0x300000003ull);
    EXPECT(sem_take(&sem), 1);
    EXPECT(sem_take(&sem), 1);
    EXPECT(sem_take(&sem), 0xfffffffffffffffdull);
    EXPECT(sem_take(&sem), 0xfffffffffffffffdull);
    EXPECT(sem.waiters, 2);
    EXPECT(sem_give(&sem), GIVE_WAKE);
    EXPECT(woken == &sem, 1);
    EXPECT(left, 1);
    EXPECT(sem.waiters, 1);
    EXPECT(sem.flags, 0x83);

    /* An object on the host's stack. */
    EXPECT(sem_take(&local), 1);
    EXPECT(local.count, 0);
    EXPECT(local.flags, 1);
    EXPECT(sem_take(&local), 0xffffffffffffff80ull);
    EXPECT(local.given, 5);
    EXPECT(local.next == &sem, 1);

    /* 100*3 + 25*4 + 40*1 + 60*3 = 620 */
    EXPECT(samples_mean(samples, 5, &mean[1]), 4);
    EXPECT(mean[1].x, 155);
    EXPECT(mean[1].y, 0xfffffffffffffffdull);
    EXPECT(mean[1].z, 7500);
    EXPECT(mean[1].status, 0x8001);
    EXPECT(mean[1].stamp, 30);
    EXPECT(mean[0].stamp, 0);
    /* The result takes the place of what it was made from. */
    EXPECT(samples_mean(&mean[1], 1, &mean[1]), 1);
    EXPECT(mean[1].x, 465);
    EXPECT(samples_mean(samples + 1, 1, &mean[0]), 0xffffffffffffffffull);
    EXPECT(bytes_sum(bytes, 7), ((((((1u * 31 + 2) * 31 + 3) * 31 + 250) * 31 + 251) * 31 + 252) * 31 + 0));

    /* The library's own memory: four entries, the rest untouched. */
    EXPECT(log_used(), 4);
    static const uint32_t logged[8][2] = {{GIVE_OK, 1}, {GIVE_OK, 2}, {GIVE_FULL, 2}, {GIVE_WAKE, 0}};
    for (int i = 0; i < 8; i++) {
        digest = (digest ^ logged[i][0]) * 16777619u;
        digest = (digest ^ logged[i][1]) * 16777619u;
    }
    EXPECT(log_digest(), digest);
    __synth_put_text(wrong ? "wrong\n" : "all as expected\n");
    return (int)wrong;
}
