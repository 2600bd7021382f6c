/* The host of tests/native/records.c. */
#include <stdint.h>

void __synth_put_text(const char *text);

struct node {
    struct node *next;
    uint32_t *value;
    uint16_t weight;
};

uint32_t list_sum(const struct node *node);
struct node *list_reverse(struct node *node);

static uint32_t values[3] = {10, 200, 3000};

int main(void)
{
    static struct node last = {0, &values[2], 3};
    struct node second = {&last, &values[1], 2};
    struct node first = {&second, &values[0], 1};
    int wrong = 0;

    wrong += list_sum(0) != 0;
    wrong += list_sum(&first) != 10 + 400 + 9000;
    wrong += list_reverse(&first) != &last;
    wrong += last.next != &second || second.next != &first || first.next != 0;
    values[0] = 11;
    wrong += list_sum(&last) != 11 + 400 + 9000;
    wrong += list_reverse(0) != 0;
    __synth_put_text(wrong ? "wrong\n" : "all as expected\n");
    return wrong;
}
