/* A plugin of the emulator (QEMU's TCG plugin interface) that counts how often every block of instructions is executed,
   and how often execution did not go on right behind it. Used by `synth bench`, which compiles it; the few functions of the
   interface are declared here. At the end it writes one line for each block to the file given as `out=FILE`:
     START LAST COUNT LEFT    addresses of its first and last instruction, hexadecimal; two counts, decimal */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

#define PUBLIC __attribute__((visibility("default")))

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*call)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*call)(unsigned, void *), int flags, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*call)(plugin_id, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

PUBLIC int qemu_plugin_version = INTERFACE_VERSION;

struct block { uint32_t start, last, end; uint64_t count, left; struct block *next; };
static struct block *all, *previous;
static const char *file;

/* Whether execution that is behind a block's last instruction goes on at an address. Before an instruction that lies on both sides
   of a page's end the emulator looks at the halfword behind it already, and counts that as 2 more bytes of the last instruction. Nothing
   else than the instruction behind the last one starts 2 bytes before the end that it gives, and in that case nothing starts there. */
static int behind(const struct block *block, uint32_t at) {
  return at == block->end || (at + 2 == block->end && at > block->last);
}

static void executed(unsigned cpu, void *data) {
  struct block *block = data;
  (void)cpu;
  block->count++;
  if (previous && !behind(previous, block->start)) previous->left++;
  previous = block;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb) {
  size_t count = qemu_plugin_tb_n_insns(tb);
  struct block *block = calloc(1, sizeof *block);
  (void)id;
  if (!count || !block) return;
  struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, count - 1);
  block->start = (uint32_t)qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
  block->last = (uint32_t)qemu_plugin_insn_vaddr(last);
  block->end = block->last + (uint32_t)qemu_plugin_insn_size(last);
  block->next = all;
  all = block;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, block);
}

static void finished(plugin_id id, void *data) {
  FILE *out = fopen(file, "w");
  (void)id, (void)data;
  if (!out) return;
  for (struct block *block = all; block; block = block->next) {
    if (!block->count) continue;
    fprintf(out, "%x %x %llu %llu\n", (unsigned)block->start, (unsigned)block->last, (unsigned long long)block->count,
            (unsigned long long)block->left);
  }
  fclose(out);
}

PUBLIC int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv) {
  (void)info;
  if (argc != 1 || strncmp(argv[0], "out=", 4)) return 1;
  file = strdup(argv[0] + 4);
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, finished, NULL);
  return 0;
}
