/* The run time of wasm2c's code for one instance: see wasm-rt.h. The memory is where synth's objects have theirs. */
#include "module.h"
#include <stdarg.h>

#define PAGE_BYTES 65536u
#define TABLE_ENTRIES_MAX 1024u
#define TYPE_WORDS_MAX 16u
#define TYPES_MAX 64u

uint8_t __linear_memory_base[PAGES * PAGE_BYTES] __attribute__((aligned(8), section(".bss.synth_memory")));
uint32_t __synth_memory_bytes;
uint32_t __synth_results[64];

void wasm_rt_trap(wasm_rt_trap_t kind) {
  switch (kind) { /* Source: validator/src/trap.rs. */
  case WASM_RT_TRAP_UNREACHABLE: __asm__ volatile("udf #1"); break;
  case WASM_RT_TRAP_DIV_BY_ZERO: __asm__ volatile("udf #2"); break;
  case WASM_RT_TRAP_INT_OVERFLOW: __asm__ volatile("udf #3"); break;
  case WASM_RT_TRAP_OOB: __asm__ volatile("udf #4"); break;
  default: __asm__ volatile("udf #7"); break;
  }
  for (;;) {}
}

/* Equal types have equal numbers, from 1 on. */
uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...) {
  static uint32_t known[TYPES_MAX][TYPE_WORDS_MAX], count;
  uint32_t *words = known[count], used = 0;
  va_list list;
  va_start(list, results);
  words[used++] = params;
  words[used++] = results;
  while (used < 2 + params + results && used < TYPE_WORDS_MAX) words[used++] = va_arg(list, uint32_t);
  va_end(list);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t same = 0;
    while (same < TYPE_WORDS_MAX && known[i][same] == words[same]) same++;
    if (same == TYPE_WORDS_MAX) return i + 1;
  }
  return ++count;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t max_pages) {
  (void)max_pages;
  memory->data = __linear_memory_base;
  memory->pages = pages;
  memory->max_pages = PAGES;
  memory->size = __synth_memory_bytes = pages * PAGE_BYTES;
}

uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t pages) {
  uint32_t before = memory->pages;
  if (pages > memory->max_pages - before) return (uint32_t)-1;
  memory->pages += pages;
  memory->size = __synth_memory_bytes = memory->pages * PAGE_BYTES;
  return before;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) { (void)memory; }

void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements, uint32_t max_elements) {
  static wasm_rt_funcref_t entries[TABLE_ENTRIES_MAX];
  static uint32_t used;
  (void)max_elements;
  table->data = entries + used;
  table->size = table->max_size = elements;
  used += elements;
}

void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table) { (void)table; }

