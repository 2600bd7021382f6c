// A LIFO of 32-bit words as kernels offer it, a stack with a watermark, and a free-list allocator on top of it.
// about: Kernel stack push and pop with packed decisions, high-water mark and a block allocator on top.
// group: kernel
// link: --export=stack --export=pool
#include "firmware.h"

int32_t IMPORT(hand_to_waiter)(uint32_t value);

#define OK        0
#define E_NOMEM   (-12)
#define E_BUSY    (-16)
#define E_INVAL   (-22)
#define DEPTH     16u
#define BLOCKS    12u
#define BLOCK     32u

struct stack {
    uint32_t top, high_water, waiters;
    uint32_t word[DEPTH];
};

struct stack stack;
_Alignas(16) uint8_t pool[BLOCKS * BLOCK];
static uint32_t taken; // one bit per pool block

enum { PUSH_STORE = 0, PUSH_HAND = 1, PUSH_FULL = 2 };

// Low word: action, high word: the new top.
uint64_t EXPORT(stack_push_decide)(uint32_t top, uint32_t depth, uint32_t waiters)
{
    uint32_t action = waiters ? PUSH_HAND : top < depth ? PUSH_STORE : PUSH_FULL;
    return action | ((uint64_t)(top + (action == PUSH_STORE)) << 32);
}

// Low word: 1 when there is something; high word: the new top.
uint64_t EXPORT(stack_pop_decide)(uint32_t top)
{
    return top ? 1 | ((uint64_t)(top - 1) << 32) : 0;
}

int32_t EXPORT(stack_push)(uint32_t value)
{
    uint64_t decision = stack_push_decide(stack.top, DEPTH, stack.waiters);
    switch ((uint32_t)decision) {
    case PUSH_HAND:
        stack.waiters--;
        return hand_to_waiter(value) ? OK : E_BUSY;
    case PUSH_FULL:
        return E_NOMEM;
    }
    stack.word[stack.top] = value;
    stack.top = (uint32_t)(decision >> 32);
    if (stack.top > stack.high_water) {
        stack.high_water = stack.top;
    }
    return OK;
}

// Pops into *to. Returns OK or E_BUSY; `wait` counts the caller as a waiter when the stack is empty.
int32_t EXPORT(stack_pop)(uint32_t *to, uint32_t wait)
{
    uint64_t decision = stack_pop_decide(stack.top);
    if (!(uint32_t)decision) {
        stack.waiters += wait & 1;
        return E_BUSY;
    }
    stack.top = (uint32_t)(decision >> 32);
    *to = stack.word[stack.top];
    return OK;
}

uint32_t EXPORT(stack_high_water)(void)
{
    return stack.high_water;
}

// Fills the stack with the addresses of all pool blocks.
void EXPORT(pool_init)(void)
{
    stack.top = 0;
    stack.high_water = 0;
    stack.waiters = 0;
    taken = 0;
    for (uint32_t i = BLOCKS; i-- > 0;) {
        stack_push(i);
    }
}

// Returns a cleared block, or NULL when none is left.
void *EXPORT(pool_take)(void)
{
    uint32_t index = 0;
    if (stack_pop(&index, 0) != OK || index >= BLOCKS) {
        return NULL;
    }
    taken |= 1u << index;
    uint8_t *block = &pool[index * BLOCK];
    __builtin_memset(block, 0, BLOCK);
    return block;
}

// Gives a block back. Detects foreign pointers, pointers into a block, and a block given back twice.
int32_t EXPORT(pool_give)(uint8_t *block)
{
    uint32_t offset = (uint32_t)(block - pool);
    if (offset >= sizeof pool || offset % BLOCK != 0) {
        return E_INVAL;
    }
    uint32_t bit = 1u << (offset / BLOCK);
    if (!(taken & bit)) {
        return E_BUSY;
    }
    taken &= ~bit;
    return stack_push(offset / BLOCK);
}
