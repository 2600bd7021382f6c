/* The host of tests/native/statics.c: prints what the library answers, and what it finds behind the library's pointers. */
#include "statics.h"

void __synth_put_text(const char *text);
void __synth_put_word(uint32_t word);

static void say(const char *what, uint64_t value)
{
    __synth_put_text(what);
    __synth_put_text(" ");
    __synth_put_word((uint32_t)(value >> 32));
    __synth_put_word((uint32_t)value);
    __synth_put_text("\n");
}

static uint32_t notes;

int32_t host_note(const struct note *note)
{
    __synth_put_text(note->what);
    say(" note", note->length);
    for (uint32_t i = 0; i < note->length; i++) {
        notes = 31 * notes + note->bytes[i];
    }
    *note->counter += note->length;
    note->bytes[0] ^= 0x55;
    return (int32_t)notes;
}

static const uint8_t text[27] = "pointers go both ways here";

int main(void)
{
    static struct record copy;
    struct record local = {{0}, "mine", 1};
    uint32_t counter = 5;

    for (uint32_t code = 0; code <= 300; code += code == 20 ? 280 : 1) {
        const struct mode *mode = mode_find(code);

        if (mode) {
            __synth_put_text(mode->name);
            say(" mode", mode->code);
            say("next", mode->next ? mode->next->code : 0);
        }
    }
    for (uint32_t i = 0; i < 13; i++) {
        say("table", table_at(i));
    }
    for (uint32_t steps = 0; steps < 9; steps++) {
        say("cursor", cursor_next(steps));
    }
    for (uint32_t i = 0; i < 7; i++) {
        say("ring", ring_put(text, 26 - i));
    }
    *ring_at(3) = 0xfe;
    say("ring at", (uint64_t)*ring_at(67) << 32 | *ring_at(2));
    say("sum", sum_add(1));
    say("sum", sum_add(-2));
    say("sum", sum_add(INT32_MIN));
    for (uint32_t i = 0; i < 12; i++) {
        say("apply", apply(i, 5 * i + 1));
    }
    for (uint32_t length = 1; length < 27; length += 5) {
        say("report", (uint32_t)report(text, length, &counter));
    }
    say("counter", counter);
    record_fill(&copy, 0);
    record_fill(&local, "ours");
    for (uint32_t i = 0; i < 8; i++) {
        say(local.label, (uint64_t)copy.words[i] << 32 | local.words[i]);
    }
    say(copy.label, copy.sum - local.sum);
    say("aligned", (uint32_t)(uintptr_t)aligned_block() % 64);
    say("block", *aligned_block());
    for (uint32_t *cells = cells_alloc(3); cells != cells_alloc(0); cells++) {
        say("fresh", *cells);
        *cells = 9;
    }
    cells_alloc(2)[1] = 4;
    say("cells", cells_alloc(0)[-1] + cells_alloc(0)[-3]);
    say("tuning", tuning());
    return 0;
}
