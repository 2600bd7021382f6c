/* Makes the calls of a table, given by actions.s, on many modules and prints one line for each through semihosting:
     STATUS WORD...    0 and the result words, or the kind of the trap; 255 a fault, 254 a register or sp not preserved
   and at the end `done`. */
#include "board.h"

#define STATUS_CLOBBERED 254u

/* An action calls `code`, or without `code` reads `results` words at `more`. Words are laid out as the AAPCS has it. */
struct action { void (*code)(void); const u32 *words; u32 count; u32 results; const u32 *more; };
extern const struct action actions[];
extern const u32 action_count;

/* startup.S offers these to hosts with answers; modules of the suite import functions that give none. */
u32 host_wide;
u64 host_call(u32 index, const u32 *words) {
  (void)index, (void)words;
  text("a host function was called\n");
  finish();
}

/* What the functions of `spectest` do. */
void print_nothing(void) {}

static void print_words(const u32 *words, u32 count) {
  for (u32 i = 0; i < count; i++) {
    put(' ');
    hex(words[i]);
  }
}

static int preserved(void) {
  for (u32 i = 4; i < 12; i++) {
    if (invocation.r[i] != 0x5e470000u + i) return 0;
  }
  return invocation.sp_after == invocation.sp_before;
}

static void call(const struct action *action) {
  static u32 words[4];
  for (u32 i = 0; i < 4; i++) words[i] = i < action->count ? action->words[i] : 0xbad10000u + i;
  trap = 0;
  invoke(action->code, action->count > 4 ? action->words : words, action->count);
  u32 status = trap ? trap : preserved() ? 0 : STATUS_CLOBBERED;
  decimal(status);
  if (status) return;
  u32 held = action->results < 4 ? action->results : 4;
  print_words(invocation.r, held);
  print_words(action->more, action->results - held);
}

void firmware_main(void) {
  for (u32 i = 0; i < action_count; i++) {
    const struct action *action = &actions[i];
    if (action->code) {
      call(action);
    } else {
      put('0');
      print_words(action->more, action->results);
    }
    put('\n');
  }
  text("done\n");
  finish();
}
