/* A library with tables, pointers to pointers, zeroed data, a stack of its own, and memory behind its data. */
#include "statics.h"

/* Read-only data, and pointers to it. */
static const uint16_t table[12] = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 65535};

static struct mode idle = {"idle", 7, 0};
static struct mode slow = {"slow", 20, &idle};
static struct mode fast = {"fast", 300, &slow};
static const struct mode *first = &fast;

const struct mode *EXPORT(mode_find)(uint32_t code)
{
    const struct mode *mode = first;

    while (mode && mode->code != code) {
        mode = mode->next;
    }
    return mode;
}

uint32_t EXPORT(table_at)(uint32_t i)
{
    return table[i % 12];
}

/* Pointers into the middle of tables, in data that changes. */
static uint32_t visits[4] = {10, 20, 30, 40};
static struct {
    const uint16_t *at;
    uint32_t *visited;
    const uint16_t *end;
} cursor = {&table[5], &visits[2], &table[12]};

uint32_t EXPORT(cursor_next)(uint32_t steps)
{
    uint32_t seen = 0;

    for (; steps; steps--) {
        seen += *cursor.at++;
        *cursor.visited += 1;
        if (cursor.at == cursor.end) {
            cursor.at = table;
            cursor.visited = cursor.visited == &visits[3] ? visits : cursor.visited + 1;
        }
    }
    return seen + 1000 * visits[2] + visits[3];
}

/* Zeroed data. */
static uint8_t ring[64];
static uint16_t head;
static uint8_t last;
static int16_t least;

uint32_t EXPORT(ring_put)(const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        last = bytes[i];
        ring[head++ % 64] = last;
        if ((int8_t)last < least) {
            least = (int8_t)last;
        }
    }
    return (uint32_t)head << 16 | (uint16_t)(least + last);
}

uint8_t *EXPORT(ring_at)(uint32_t i)
{
    return &ring[i % 64];
}

static uint64_t sum = 0xffffffff;

uint64_t EXPORT(sum_add)(int32_t value)
{
    sum += (uint64_t)(int64_t)value;
    return sum;
}

/* A table of functions: numbers for WebAssembly, addresses for the host's compiler. */
static uint32_t twice(uint32_t x)
{
    return x + x;
}

static uint32_t looked_up(uint32_t x)
{
    return table[x % 12] + visits[x % 4];
}

static uint32_t counted(uint32_t x)
{
    visits[3] += x;
    return visits[3];
}

static uint32_t (*const operations[3])(uint32_t) = {twice, looked_up, counted};

uint32_t EXPORT(apply)(uint32_t which, uint32_t x)
{
    return operations[which % 3](x);
}

/* Objects on the library's stack, which the host gets. */
static const char *const kinds[3] = {"none", "short", "long"};

int32_t EXPORT(report)(const uint8_t *text, uint32_t length, uint32_t *counter)
{
    uint8_t reversed[24];
    struct note note = {kinds[length > 12 ? 2 : length > 0], counter, reversed, length < 24 ? length : 24};

    for (uint32_t i = 0; i < note.length; i++) {
        reversed[i] = text[note.length - 1 - i];
    }
    return host_note(&note) + reversed[0];
}

/* A structure that is copied as a whole. */
static const struct record pattern = {{1, 2, 4, 8, 16, 32, 64, 128}, "pattern", 0x123456789abcdef0};

void EXPORT(record_fill)(struct record *to, const char *label)
{
    *to = pattern;
    if (label) {
        to->label = label;
    }
}

/* Data that has to lie at a multiple of 64. */
static uint8_t block[64] __attribute__((aligned(64)));

uint8_t *EXPORT(aligned_block)(void)
{
    block[0] += 3;
    return block;
}

/* Memory behind the data. */
#ifdef __wasm__
extern uint32_t __heap_base[];
#else
static uint32_t __heap_base[256];
#endif
static uint32_t taken;

uint32_t *EXPORT(cells_alloc)(uint32_t count)
{
    uint32_t *cells = __heap_base + taken;

    taken += count;
    return cells;
}

/* Data that nobody defines has the address null. */
extern uint32_t host_tuning __attribute__((weak));

uint32_t EXPORT(tuning)(void)
{
    return &host_tuning ? host_tuning : 42;
}
