// An intrusive doubly linked list, kept sorted by deadline, over a pool of nodes in linear memory.
// about: Intrusive sorted doubly linked list with pool allocation, removal, reversal, merge sort and cycle detection.
// group: data
// link: --export=nodes
#include "firmware.h"

#define NODES 32u

struct node {
    struct node *next, *previous;
    uint32_t deadline, payload;
};

struct node nodes[NODES];
static struct node *unused;
static struct node ring = { &ring, &ring, 0, 0 };
static uint32_t length;

void EXPORT(list_init)(void)
{
    unused = NULL;
    for (uint32_t i = NODES; i-- > 0;) {
        nodes[i].next = unused;
        unused = &nodes[i];
    }
    ring.next = ring.previous = &ring;
    length = 0;
}

// Inserts by deadline, behind equal ones. Returns the node, or NULL when the pool is empty.
struct node *EXPORT(list_insert)(uint32_t deadline, uint32_t payload)
{
    struct node *n = unused;
    if (!n) {
        return NULL;
    }
    unused = n->next;
    n->deadline = deadline;
    n->payload = payload;
    struct node *after = ring.previous;
    while (after != &ring && after->deadline > deadline) {
        after = after->previous;
    }
    n->previous = after;
    n->next = after->next;
    after->next->previous = n;
    after->next = n;
    length++;
    return n;
}

INTERNAL void detach(struct node *n)
{
    n->previous->next = n->next;
    n->next->previous = n->previous;
    n->next = unused;
    n->previous = NULL;
    unused = n;
    length--;
}

// Takes the first node off. Low word: deadline, high word: payload; all ones when the list is empty.
uint64_t EXPORT(list_pop)(void)
{
    struct node *n = ring.next;
    if (n == &ring) {
        return ~0ull;
    }
    uint64_t result = n->deadline | (uint64_t)n->payload << 32;
    detach(n);
    return result;
}

// Removes all nodes with the payload. Returns how many.
uint32_t EXPORT(list_remove)(uint32_t payload)
{
    uint32_t removed = 0;
    for (struct node *n = ring.next, *next; n != &ring; n = next) {
        next = n->next;
        if (n->payload == payload) {
            detach(n);
            removed++;
        }
    }
    return removed;
}

void EXPORT(list_reverse)(void)
{
    struct node *n = &ring;
    do {
        struct node *next = n->next;
        n->next = n->previous;
        n->previous = next;
        n = next;
    } while (n != &ring);
}

// Order-dependent digest of the list.
uint32_t EXPORT(list_digest)(void)
{
    uint32_t h = length;
    for (const struct node *n = ring.next; n != &ring; n = n->next) {
        h = h * 31 + n->deadline;
        h = h * 31 + n->payload;
    }
    return h;
}

INTERNAL struct node *merge(struct node *a, struct node *b)
{
    struct node *first = NULL, **tail = &first;
    while (a && b) {
        struct node **smaller = b->deadline < a->deadline ? &b : &a;
        *tail = *smaller;
        tail = &(*smaller)->next;
        *smaller = *tail;
    }
    *tail = a ? a : b;
    return first;
}

INTERNAL struct node *merge_sort(struct node *list, uint32_t count)
{
    if (count < 2) {
        if (list) {
            list->next = NULL;
        }
        return list;
    }
    struct node *second = list;
    for (uint32_t i = 0; i < count / 2; i++) {
        second = second->next;
    }
    // The second half is sorted first: sorting the first one cuts the chain.
    struct node *right = merge_sort(second, count - count / 2);
    struct node *left = merge_sort(list, count / 2);
    return merge(left, right);
}

// Sorts the list by deadline, stably. Returns its length.
uint32_t EXPORT(list_sort)(void)
{
    struct node *list = merge_sort(length ? ring.next : NULL, length);
    struct node *previous = &ring;
    for (; list; list = list->next) {
        previous->next = list;
        list->previous = previous;
        previous = list;
    }
    previous->next = &ring;
    ring.previous = previous;
    return length;
}

// Floyd's test on the chain of `next` fields from a node: 1 for a cycle, 0 for an end.
uint32_t EXPORT(list_has_cycle)(const struct node *n)
{
    const struct node *fast = n;
    for (uint32_t i = 0; i < 2 * NODES && fast; i++) {
        fast = fast->next;
        if (!fast) {
            return 0;
        }
        fast = fast->next;
        n = n->next;
        if (fast == n) {
            return 1;
        }
    }
    return 0;
}
