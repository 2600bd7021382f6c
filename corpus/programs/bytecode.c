// A small stack machine for field-loadable rules; instructions are handlers reached through a table of pointers.
// about: Bytecode interpreter whose handlers are called through a function-pointer table, with checked stack and jumps.
// group: data
// link: --export=program --export=memory_cells --export=machine
#include "firmware.h"

uint32_t IMPORT(rule_event)(uint32_t code, uint32_t value);

#define STACK   16u
#define PROGRAM 128u
#define CELLS   16u

enum status { RUNNING = 0, HALTED = 1, E_STACK = 2, E_OPCODE = 3, E_JUMP = 4, E_DIVIDE = 5, E_STEPS = 6 };

struct machine {
    uint32_t pc, sp, status, steps;
    int32_t stack[STACK];
};

uint8_t program[PROGRAM];
int32_t memory_cells[CELLS];
struct machine machine;

INTERNAL void push(struct machine *m, int32_t value)
{
    if (m->sp == STACK) {
        m->status = E_STACK;
        return;
    }
    m->stack[m->sp++] = value;
}

INTERNAL int32_t pop(struct machine *m)
{
    if (m->sp == 0) {
        m->status = E_STACK;
        return 0;
    }
    return m->stack[--m->sp];
}

static uint32_t fetch(struct machine *m)
{
    return program[m->pc++ % PROGRAM];
}

static void op_halt(struct machine *m) { m->status = HALTED; }
static void op_push8(struct machine *m) { push(m, (int8_t)fetch(m)); }
static void op_push16(struct machine *m)
{
    uint32_t low = fetch(m);
    push(m, (int16_t)(low | fetch(m) << 8));
}
static void op_add(struct machine *m)
{
    uint32_t b = (uint32_t)pop(m);
    push(m, (int32_t)((uint32_t)pop(m) + b));
}
static void op_sub(struct machine *m)
{
    uint32_t b = (uint32_t)pop(m);
    push(m, (int32_t)((uint32_t)pop(m) - b));
}
static void op_mul(struct machine *m)
{
    uint32_t b = (uint32_t)pop(m);
    push(m, (int32_t)((uint32_t)pop(m) * b));
}
static void op_div(struct machine *m)
{
    int32_t b = pop(m), a = pop(m);
    if (b == 0 || (b == -1 && a == INT32_MIN)) {
        m->status = E_DIVIDE;
        return;
    }
    push(m, a / b);
}
static void op_less(struct machine *m)
{
    int32_t b = pop(m);
    push(m, pop(m) < b);
}
static void op_jump(struct machine *m)
{
    uint32_t to = fetch(m);
    if (to >= PROGRAM) {
        m->status = E_JUMP;
        return;
    }
    m->pc = to;
}
static void op_jump_if(struct machine *m)
{
    uint32_t to = fetch(m);
    if (!pop(m)) {
        return;
    }
    if (to >= PROGRAM) {
        m->status = E_JUMP;
        return;
    }
    m->pc = to;
}
static void op_load(struct machine *m) { push(m, memory_cells[fetch(m) % CELLS]); }
static void op_store(struct machine *m)
{
    uint32_t cell = fetch(m) % CELLS;
    memory_cells[cell] = pop(m);
}
static void op_dup(struct machine *m)
{
    int32_t x = pop(m);
    push(m, x);
    push(m, x);
}
static void op_event(struct machine *m)
{
    uint32_t code = fetch(m);
    push(m, (int32_t)(rule_event(code, (uint32_t)pop(m)) & 0xff));
}

static void (*const handlers[])(struct machine *) = {
    op_halt, op_push8, op_push16, op_add, op_sub, op_mul, op_div, op_less,
    op_jump, op_jump_if, op_load, op_store, op_dup, op_event,
};

#define HANDLERS (sizeof handlers / sizeof handlers[0])

void EXPORT(vm_reset)(uint32_t pc)
{
    machine = (struct machine){ .pc = pc };
}

// One instruction. Returns the status.
uint32_t EXPORT(vm_step)(void)
{
    if (machine.status != RUNNING) {
        return machine.status;
    }
    if (machine.pc >= PROGRAM) {
        return machine.status = E_JUMP;
    }
    uint32_t opcode = fetch(&machine);
    if (opcode >= HANDLERS) {
        return machine.status = E_OPCODE;
    }
    handlers[opcode](&machine);
    machine.steps++;
    return machine.status;
}

// Runs at most `limit` steps (and never more than 20000). Low word: status; high word: top of stack or 0.
uint64_t EXPORT(vm_run)(uint32_t limit)
{
    if (limit > 20000) {
        limit = 20000;
    }
    while (limit && vm_step() == RUNNING) {
        limit--;
    }
    if (machine.status == RUNNING) {
        machine.status = E_STEPS;
    }
    uint32_t top = machine.sp > 0 && machine.sp <= STACK ? (uint32_t)machine.stack[machine.sp - 1] : 0;
    return machine.status | (uint64_t)top << 32;
}

// Calls one handler by number with the machine as it is, without a check: a wrong number is the table's matter.
uint32_t EXPORT(vm_call_unchecked)(uint32_t opcode)
{
    handlers[opcode & 15](&machine);
    return machine.status;
}
