/* The host of tests/native/copies.c: calls by the usual names, with pointers to its own objects. */
#include "kernel.h"

void __synth_put_text(const char *text);

static struct k_sem sem = {.limit = 2, .flags = 0x80, .bias = -3, .next = &sem};

int main(void)
{
    struct k_sem local = {.count = 1, .limit = 2, .given = 5, .bias = -128};
    int wrong = 0;

    wrong += sem_give(0) != -7;
    wrong += sem_give(&sem) != GIVE_OK;
    wrong += sem_give(&sem) != GIVE_OK;
    wrong += sem_give(&sem) != GIVE_FULL;
    wrong += sem.count != 2 || sem.limit != 2;
    wrong += sem_given(&sem) != 0x300000003ull;
    wrong += sem_take(&sem) != 1;
    wrong += sem_take(&sem) != 1;
    wrong += sem_take(&sem) != -3;
    wrong += sem.waiters != 1 || sem.flags != 0x81 || sem.bias != -3;
    wrong += sem.next != &sem;
    wrong += sem_take(&local) != 1;
    wrong += sem_take(&local) != -128;
    wrong += local.count != 0 || local.flags != 1 || local.given != 5;
    __synth_put_text(wrong ? "wrong\n" : "all as expected\n");
    return wrong;
}
