// A JSON tokenizer (RFC 8259) without allocation, as configuration files on a device need it.
// about: JSON tokenizer as a state machine over character classes, with nesting check, number conversion and key lookup.
// group: parser
// link: --export=text --export=tokens
#include "firmware.h"

#define E_SYNTAX  (-74)
#define E_NOSPACE (-28)
#define E_DEPTH   (-40)
#define E_PARTIAL (-11)
#define TOKENS    48u
#define DEPTH_MAX 16u

enum kind { OBJECT = 1, ARRAY, STRING, NUMBER, LITERAL };

struct token {
    uint8_t kind, depth;
    uint16_t start, end;
    uint16_t children;
};

char text[512];
struct token tokens[TOKENS];

// Characters after a backslash: 1 simple escape, 2 unicode escape, 0 invalid.
uint32_t EXPORT(json_escape_kind)(uint32_t c)
{
    switch (c) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return 1;
    case 'u':
        return 2;
    default:
        return 0;
    }
}

INTERNAL bool is_hex(uint32_t c)
{
    return c - '0' < 10 || (c | 0x20) - 'a' < 6;
}

// Scans a string whose opening quote stands at `at`. Returns the position after the closing quote, or an error.
int32_t EXPORT(json_scan_string)(const char *s, uint32_t at, uint32_t size)
{
    for (at++; at < size; at++) {
        uint32_t c = (uint8_t)s[at];
        if (c == '"') {
            return (int32_t)at + 1;
        }
        if (c < 0x20) {
            return E_SYNTAX;
        }
        if (c == '\\') {
            if (++at >= size) {
                return E_PARTIAL;
            }
            uint32_t escape = json_escape_kind((uint8_t)s[at]);
            if (escape == 0) {
                return E_SYNTAX;
            }
            for (uint32_t k = 0; escape == 2 && k < 4; k++) {
                if (++at >= size) {
                    return E_PARTIAL;
                }
                if (!is_hex((uint8_t)s[at])) {
                    return E_SYNTAX;
                }
            }
        }
    }
    return E_PARTIAL;
}

// Scans a number: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?  Returns the position after it, or E_SYNTAX.
int32_t EXPORT(json_scan_number)(const char *s, uint32_t at, uint32_t size)
{
    enum { BEGIN, SIGN, ZERO, WHOLE, POINT, FRACTION, E, E_SIGN, POWER } state = BEGIN;
    for (; at < size; at++) {
        uint32_t c = (uint8_t)s[at];
        bool digit = c - '0' < 10;
        switch (state) {
        case BEGIN:
            if (c == '-') { state = SIGN; continue; }
            // fall through
        case SIGN:
            if (!digit) return E_SYNTAX;
            state = c == '0' ? ZERO : WHOLE;
            continue;
        case WHOLE:
            if (digit) continue;
            // fall through
        case ZERO:
            if (c == '.') { state = POINT; continue; }
            if ((c | 0x20) == 'e') { state = E; continue; }
            return (int32_t)at;
        case POINT:
            if (!digit) return E_SYNTAX;
            state = FRACTION;
            continue;
        case FRACTION:
            if (digit) continue;
            if ((c | 0x20) == 'e') { state = E; continue; }
            return (int32_t)at;
        case E:
            if (c == '+' || c == '-') { state = E_SIGN; continue; }
            // fall through
        case E_SIGN:
            if (!digit) return E_SYNTAX;
            state = POWER;
            continue;
        case POWER:
            if (digit) continue;
            return (int32_t)at;
        }
    }
    return state == ZERO || state == WHOLE || state == FRACTION || state == POWER ? (int32_t)at : E_SYNTAX;
}

INTERNAL int32_t scan_literal(const char *s, uint32_t at, uint32_t size)
{
    static const char words[3][6] = { "true", "false", "null" };
    for (uint32_t w = 0; w < 3; w++) {
        uint32_t n = 0;
        while (words[w][n] && at + n < size && s[at + n] == words[w][n]) {
            n++;
        }
        if (!words[w][n]) {
            return (int32_t)(at + n);
        }
    }
    return E_SYNTAX;
}

// Tokenizes `size` bytes of `text`. Returns the number of tokens or an error. Keys are strings followed by values.
int32_t EXPORT(json_tokenize)(uint32_t size)
{
    enum { VALUE, FIRST_VALUE, FIRST_KEY, KEY, COLON, AFTER, END } expect = VALUE;
    uint8_t parents[DEPTH_MAX];
    uint32_t depth = 0, count = 0, at = 0;

    if (size > sizeof text) {
        return E_NOSPACE;
    }
    while (at < size) {
        char c = text[at];
        int32_t end = (int32_t)at + 1;
        uint8_t kind = 0;

        switch (c) {
        case ' ': case '\t': case '\n': case '\r':
            at++;
            continue;
        case ',':
            if (expect != AFTER) return E_SYNTAX;
            expect = tokens[parents[depth - 1]].kind == OBJECT ? KEY : VALUE;
            at++;
            continue;
        case ':':
            if (expect != COLON) return E_SYNTAX;
            expect = VALUE;
            at++;
            continue;
        case '}':
        case ']':
            if (depth == 0 || tokens[parents[depth - 1]].kind != (c == '}' ? OBJECT : ARRAY)) return E_SYNTAX;
            if (expect != AFTER && expect != (c == '}' ? FIRST_KEY : FIRST_VALUE)) return E_SYNTAX;
            tokens[parents[--depth]].end = (uint16_t)(at + 1);
            expect = depth ? AFTER : END;
            at++;
            continue;
        case '{':
            kind = OBJECT;
            break;
        case '[':
            kind = ARRAY;
            break;
        case '"':
            kind = STRING;
            end = json_scan_string(text, at, size);
            break;
        case '-': case '0': case '1': case '2': case '3': case '4':
        case '5': case '6': case '7': case '8': case '9':
            kind = NUMBER;
            end = json_scan_number(text, at, size);
            break;
        case 't': case 'f': case 'n':
            kind = LITERAL;
            end = scan_literal(text, at, size);
            break;
        default:
            return E_SYNTAX;
        }
        bool key = expect == KEY || expect == FIRST_KEY;
        if ((key && kind != STRING) || (!key && expect != VALUE && expect != FIRST_VALUE)) {
            return E_SYNTAX;
        }
        if (end < 0) {
            return end;
        }
        if (count == TOKENS) {
            return E_NOSPACE;
        }
        if (depth && !key) {
            tokens[parents[depth - 1]].children++;
        }
        tokens[count] = (struct token){ kind, (uint8_t)depth, (uint16_t)at, (uint16_t)end, 0 };
        at = (uint32_t)end;
        if (kind == OBJECT || kind == ARRAY) {
            if (depth == DEPTH_MAX) {
                return E_DEPTH;
            }
            parents[depth++] = (uint8_t)count;
            expect = kind == OBJECT ? FIRST_KEY : FIRST_VALUE;
        } else {
            expect = key ? COLON : depth ? AFTER : END;
        }
        count++;
    }
    return expect == END ? (int32_t)count : E_PARTIAL;
}

// The value of a number token without fraction, saturated to 64 bits; other tokens give 0.
int64_t EXPORT(json_integer)(uint32_t index)
{
    if (index >= TOKENS || tokens[index].kind != NUMBER) {
        return 0;
    }
    uint32_t at = tokens[index].start, end = tokens[index].end;
    bool negative = text[at & 511] == '-';
    int64_t value = 0;
    for (at += negative; at < end && at < sizeof text; at++) {
        int32_t digit = text[at] - '0';
        if (digit < 0 || digit > 9) {
            break;
        }
        if (value < (INT64_MIN + digit) / 10) {
            return negative ? INT64_MIN : INT64_MAX;
        }
        value = value * 10 - digit; // negative, since its range is larger
    }
    return negative ? value : value == INT64_MIN ? INT64_MAX : -value;
}

// The value token that belongs to `key` in the object token `object`, among `count` tokens; -1 if there is none.
int32_t EXPORT(json_find)(uint32_t object, uint32_t count, const char *key, uint32_t key_size)
{
    if (count > TOKENS || object >= count || tokens[object].kind != OBJECT) {
        return -1;
    }
    for (uint32_t i = object + 1; i + 1 < count && tokens[i].start < tokens[object].end; i++) {
        const struct token *t = &tokens[i];
        if (t->depth != tokens[object].depth + 1) {
            continue;
        }
        if (t->kind == STRING && (uint32_t)(t->end - t->start) == key_size + 2) {
            uint32_t n = 0;
            while (n < key_size && text[t->start + 1 + n] == key[n]) {
                n++;
            }
            if (n == key_size) {
                return (int32_t)i + 1;
            }
        }
        i++; // over the value
    }
    return -1;
}
