// A recursive-descent evaluator for the expressions of a configuration console, and two classic recursions.
// about: Recursive-descent expression evaluator with error codes, and recursive Ackermann, Fibonacci and Hanoi.
// group: parser
// link: --export=text
#include "firmware.h"

#define E_SYNTAX  1u
#define E_DIVIDE  2u
#define E_DEPTH   3u
#define DEPTH_MAX 24u

char text[128];
static uint32_t at, end, error, depth;
static int32_t variables[26];

INTERNAL uint32_t peek(void)
{
    while (at < end && text[at] == ' ') {
        at++;
    }
    return at < end ? (uint8_t)text[at] : 0;
}

INTERNAL int32_t sum(void);

INTERNAL int32_t fail(uint32_t code)
{
    if (!error) {
        error = code;
    }
    return 0;
}

INTERNAL int32_t primary(void)
{
    uint32_t c = peek();
    if (c - '0' < 10) {
        uint32_t value = 0;
        while (at < end && (uint8_t)text[at] - '0' < 10u) {
            value = value * 10 + (uint32_t)(text[at++] - '0');
        }
        return (int32_t)value;
    }
    if (c - 'a' < 26) {
        at++;
        return variables[c - 'a'];
    }
    if (++depth > DEPTH_MAX) {
        return fail(E_DEPTH);
    }
    int32_t value = 0;
    switch (c) {
    case '(':
        at++;
        value = sum();
        if (peek() == ')') {
            at++;
        } else {
            fail(E_SYNTAX);
        }
        break;
    case '-':
        at++;
        value = (int32_t)(0u - (uint32_t)primary());
        break;
    case '~':
        at++;
        value = ~primary();
        break;
    default:
        fail(E_SYNTAX);
    }
    depth--;
    return value;
}

INTERNAL int32_t product(void)
{
    uint32_t value = (uint32_t)primary();
    for (;;) {
        uint32_t c = peek();
        if (c != '*' && c != '/' && c != '%') {
            return (int32_t)value;
        }
        at++;
        int32_t right = primary();
        if (error) {
            return 0;
        }
        if (c == '*') {
            value *= (uint32_t)right;
        } else if (right == 0) {
            return fail(E_DIVIDE);
        } else if (right == -1) {
            value = c == '/' ? 0u - value : 0; // the one quotient that would overflow
        } else {
            value = (uint32_t)(c == '/' ? (int32_t)value / right : (int32_t)value % right);
        }
    }
}

INTERNAL int32_t sum(void)
{
    uint32_t value = (uint32_t)product();
    for (;;) {
        switch (peek()) {
        case '+': at++; value += (uint32_t)product(); break;
        case '-': at++; value -= (uint32_t)product(); break;
        case '&': at++; value &= (uint32_t)product(); break;
        case '|': at++; value |= (uint32_t)product(); break;
        default: return (int32_t)value;
        }
    }
}

// Evaluates `size` bytes of `text`. Low word: the value; high word: 0 or the error, with the position in its upper half.
uint64_t EXPORT(evaluate)(uint32_t size)
{
    at = 0;
    end = size < sizeof text ? size : sizeof text;
    error = 0;
    depth = 0;
    int32_t value = sum();
    if (!error && peek() != 0) {
        error = E_SYNTAX;
    }
    if (error) {
        return (uint64_t)(error | at << 16) << 32;
    }
    return (uint32_t)value;
}

int32_t EXPORT(set_variable)(uint32_t letter, int32_t value)
{
    if (letter - 'a' >= 26) {
        return -22;
    }
    variables[letter - 'a'] = value;
    return 0;
}

// Ackermann's function; arguments are cut to m <= 2, n <= 15 so that the recursion stays shallow.
uint32_t EXPORT(ackermann)(uint32_t m, uint32_t n)
{
    if (m > 2) m = 2;
    if (n > 64) n = 15;
    if (m == 0) {
        return n + 1;
    }
    if (n == 0) {
        return ackermann(m - 1, 1);
    }
    return ackermann(m - 1, ackermann(m, n - 1));
}

uint64_t EXPORT(fibonacci)(uint32_t n)
{
    if (n > 16) n = 16;
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

// Moves of the towers of Hanoi, with a checksum of the moves in the high word.
uint64_t EXPORT(hanoi)(uint32_t discs, uint32_t from, uint32_t to)
{
    if (discs == 0 || discs > 10) {
        return 0;
    }
    uint32_t other = 3 - (from % 3) - (to % 3);
    uint64_t before = hanoi(discs - 1, from % 3, other);
    uint64_t after = hanoi(discs - 1, other, to % 3);
    uint32_t moves = (uint32_t)before + (uint32_t)after + 1;
    uint32_t check = (uint32_t)(before >> 32) * 31 + discs * 7 + from * 3 + to + (uint32_t)(after >> 32) * 17;
    return moves | (uint64_t)check << 32;
}
