/* Runs a script, given as a table of words by script.s, on the object under test and prints what it sees.
   Everything is printed through semihosting, one fact a line:
     r CALL = RESULTS | trap KIND | calls COUNT DIGEST | mem BYTES DIGEST    as in observation.rs
     s CALL BYTES                                                            stack used below the caller's sp
     ! line LINE: REASON                                                     an expectation does not hold
     done                                                                    the script is finished */
#include "board.h"

/* Tables of script.s. An operand is 4 words: kind (0 number, 1 variable), variable, low and high word of the offset. */
extern const u32 script[];
extern const u32 module_has_memory;
struct import { const char *field; u32 field_bytes; u32 params; const uint8_t *widths; u32 results; u32 result_width; };
extern const struct import imports[];
struct export_entry {
  void (*code)(void);
  u32 params;
  const uint8_t *widths;
  u32 results;
  const uint8_t *result_widths;
};
extern const struct export_entry exports[];
extern u64 variables[];

/* Symbols of the object under test. */
extern uint8_t memory_base[] __asm__("__linear_memory_base") __attribute__((weak));
extern u32 memory_bytes __asm__("__synth_memory_bytes") __attribute__((weak));
extern u32 more_results[] __asm__("__synth_results") __attribute__((weak));
extern void instance_init(void) __asm__("__synth_instance_init") __attribute__((weak));

#define POISON 0xdeadbeefu
#define FNV_BASIS 0x811c9dc5u
#define FNV_PRIME 0x01000193u
#define WORDS_MAX 2000 /* 1000 parameters or results, which engines allow at most, of 2 words each */
#define EVENTS_MAX 64
#define ARGUMENTS_MAX 16 /* per import call, for expect-import; digests see all */

static const char *const trap_names[] = {
  "none", "unreachable", "integer-divide-by-zero", "integer-overflow", "out-of-bounds-memory", "out-of-bounds-table",
  "uninitialized-element", "indirect-call-type-mismatch", "call-stack-exhausted", "invalid-conversion",
};
static u32 calls, line;
static u64 results[WORDS_MAX];
static const struct export_entry *last;

static u32 import_counter, import_calls, import_digest, named;
static struct { u32 import; u64 arguments[ARGUMENTS_MAX]; } events[EVENTS_MAX];
u32 host_wide;

static void failure(const char *reason) {
  text("! line ");
  decimal(line);
  text(": ");
  text(reason);
}

/* ---- memory ---- */

static u32 size(void) { return &memory_bytes ? memory_bytes : 0; }

static u32 fnv1a(u32 digest, const uint8_t *bytes, u32 count) {
  while (count--) digest = (digest ^ *bytes++) * FNV_PRIME;
  return digest;
}

static u32 fnv1a_word(u32 digest, u32 word) { return fnv1a(digest, (const uint8_t *)&word, 4); }

static u32 memory_digest(void) {
  u32 digest = FNV_BASIS;
  const u32 *word = (const u32 *)memory_base;
  for (const u32 *end = word + size() / 4; word != end; word++) {
    digest = ((digest << 5 | digest >> 27) ^ *word) * FNV_PRIME;
  }
  return digest;
}

static uint8_t *place(u32 address, u32 count) {
  if (count > size() || address > size() - count) {
    failure("outside linear memory\n");
    return 0;
  }
  return memory_base + address;
}

/* ---- imports ---- */

/* Reads an argument of `width` words at *at; 64-bit ones start at even words. */
static u64 take(const u32 *words, u32 *at, u32 width) {
  if (width == 1) return words[(*at)++];
  *at = (*at + 1) & ~1u;
  *at += 2;
  return words[*at - 2] | (u64)words[*at - 1] << 32;
}

u64 host_call(u32 index, const u32 *words) {
  const struct import *import = &imports[index];
  u32 answer = fnv1a(FNV_BASIS, (const uint8_t *)import->field, import->field_bytes);
  answer = fnv1a_word(answer, import_counter++);
  import_digest = fnv1a_word(import_digest, index);
  if (import_calls < EVENTS_MAX) events[import_calls].import = index;
  for (u32 i = 0, at = 0; i < import->params; i++) {
    u64 argument = take(words, &at, import->widths[i]);
    answer = fnv1a(answer, (const uint8_t *)&argument, 4 * import->widths[i]);
    import_digest = fnv1a(import_digest, (const uint8_t *)&argument, 4 * import->widths[i]);
    if (import_calls < EVENTS_MAX && i < ARGUMENTS_MAX) events[import_calls].arguments[i] = argument;
  }
  if (import_calls < EVENTS_MAX && module_has_memory) import_digest = fnv1a_word(import_digest, memory_digest());
  import_calls++;
  uint8_t next = 0xa5;
  host_wide = import->results && import->result_width == 2;
  return answer | (u64)fnv1a(answer, &next, 1) << 32;
}

/* ---- calls ---- */

/* How many words below here are poison no more. */
static inline __attribute__((always_inline)) u32 saved_stack_words(u32 *below) {
  u32 *word = stack_bottom;
  while (word < below && *word == POISON) word++;
  return (u32)(below - word);
}

static void observe(const struct export_entry *entry, const u32 *words, u32 count) {
  import_calls = 0;
  import_digest = FNV_BASIS;
  trap = 0;
  named = 0;
  last = entry;
  invoke(entry->code, words, count);
  u32 *below = (u32 *)invocation.sp_before;
  u32 used = saved_stack_words(below);
  text("r ");
  decimal(calls);
  text(" =");
  if (trap || !entry->results) text(" -");
  for (u32 i = 0, at = 0; i < entry->results && !trap; i++) {
    u64 value = 0;
    for (u32 part = 0; part < entry->result_widths[i]; part++, at++) {
      u32 word = at < 4 ? invocation.r[at] : more_results[at - 4];
      value |= (u64)word << 32 * part;
    }
    results[i] = value;
    text(" 0x");
    if (entry->result_widths[i] == 2) hex((u32)(value >> 32));
    hex((u32)value);
  }
  text(" | trap ");
  text(trap == TRAP_FAULT ? "fault" : trap_names[trap]);
  text(" | calls ");
  decimal(import_calls);
  text(" 0x");
  hex(import_digest);
  text(" | mem ");
  int failed = !calls && trap; /* A module that was not instantiated has no memory. */
  decimal(failed ? 0 : size());
  text(" 0x");
  hex(failed ? FNV_BASIS : memory_digest());
  put('\n');
  if (trap == TRAP_FAULT) {
    failure("fault, CFSR 0x");
    hex(fault_status);
    text(" pc 0x");
    hex(fault_pc);
    put('\n');
  }
  for (u32 i = 4; i < 12 && !trap; i++) {
    if (invocation.r[i] == 0x5e470000u + i) continue;
    failure("clobbered r");
    decimal(i);
    put('\n');
  }
  if (!trap && invocation.sp_after != invocation.sp_before) failure("clobbered sp\n");
  for (u32 *word = below - used; word < below; word++) *word = POISON;
  if (below - used == stack_bottom) failure("stack exhausted\n");
  text("s ");
  decimal(calls++);
  put(' ');
  decimal(4 * used);
  put('\n');
}

/* ---- the script ---- */

static u64 operand(const u32 **at) {
  const u32 *words = *at;
  *at += 4;
  return (words[0] ? variables[words[1]] : 0) + (words[2] | (u64)words[3] << 32);
}

static u64 narrow(u64 value, u32 width) { return width == 1 ? (u32)value : value; }

static const u32 *call(const u32 *at) {
  static u32 words[WORDS_MAX];
  u32 count = 0;
  const struct export_entry *entry = &exports[*at++];
  for (u32 i = 0; i < entry->params; i++) {
    u64 value = operand(&at);
    if (entry->widths[i] == 2) {
      if (count & 1) words[count++] = 0xbad0bad0u;
      words[count++] = (u32)value;
      words[count++] = (u32)(value >> 32);
    } else {
      words[count++] = (u32)value;
    }
  }
  for (u32 i = count; i < 4; i++) words[i] = 0xbad10000u + i;
  observe(entry, words, count);
  for (u32 kept = *at++, i = 0; i < kept; i++) variables[*at++] = trap ? 0 : results[i];
  return at;
}

static const u32 *expect_import(const u32 *at) {
  u32 index = *at++, count = imports[index].params;
  int holds = named < import_calls && named < EVENTS_MAX && events[named].import == index;
  for (u32 i = 0; i < count; i++) {
    u64 value = narrow(operand(&at), imports[index].widths[i]);
    if (holds && i < ARGUMENTS_MAX) holds = events[named].arguments[i] == value;
  }
  named++;
  if (!holds) failure("import call differs\n");
  return at;
}

static const u32 *compare(const u32 *at) {
  u32 address = (u32)operand(&at), count = *at++;
  const uint8_t *wanted = (const uint8_t *)*at++, *found = place(address, count);
  u32 same = 0;
  while (found && same < count && found[same] == wanted[same]) same++;
  if (found && same < count) {
    failure("memory differs at 0x");
    hex(address + same);
    put('\n');
  }
  return at;
}

static const u32 *statement(u32 verb, const u32 *at) {
  u32 address, count, variable;
  uint8_t *to;
  int differ = 0;
  switch (verb) {
  case 1: /* write: address, count, bytes */
    address = (u32)operand(&at);
    count = *at++;
    to = place(address, count);
    for (u32 i = 0; to && i < count; i++) to[i] = ((const uint8_t *)*at)[i];
    return at + 1;
  case 2: /* load: address, variable */
    address = (u32)operand(&at);
    variable = *at++;
    to = place(address, 4);
    variables[variable] = to ? to[0] | to[1] << 8 | to[2] << 16 | (u32)to[3] << 24 : 0;
    return at;
  case 3: return call(at);
  case 4: /* expect: values */
    for (u32 i = 0; i < last->results; i++) {
      u64 value = operand(&at);
      if (trap || narrow(value, last->result_widths[i]) != results[i]) differ = 1;
    }
    if (differ || trap) failure("results differ\n");
    return at;
  case 5: /* expect-trap: kind */
    if (trap != *at) failure("trap differs\n");
    return at + 1;
  case 6: return compare(at);
  case 7: return expect_import(at);
  case 8: /* expect-imports: count */
    if (import_calls != *at) failure("number of import calls differs\n");
    return at + 1;
  default: failure("no such statement\n"); finish();
  }
}

static void nothing(void) {}

void firmware_main(void) {
  static const u32 none[4];
  struct export_entry init = { instance_init ? instance_init : nothing, 0, 0, 0, 0 };
  observe(&init, none, 0);
  for (const u32 *at = script; !trap || calls > 1;) {
    u32 verb = *at++;
    if (!verb) break;
    line = *at++;
    at = statement(verb, at);
  }
  text("done\n");
  finish();
}
