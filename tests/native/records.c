/* A library without data of its own: with the base at 0 every pointer is the host's, also those that it finds in the host's objects. */
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name))) name

struct node {
    struct node *next;
    uint32_t *value;
    uint16_t weight;
};

uint32_t EXPORT(list_sum)(const struct node *node)
{
    uint32_t sum = 0;

    for (; node; node = node->next) {
        sum += *node->value * node->weight;
    }
    return sum;
}

struct node *EXPORT(list_reverse)(struct node *node)
{
    struct node *done = 0;

    while (node) {
        struct node *next = node->next;

        node->next = done;
        done = node;
        node = next;
    }
    return done;
}
