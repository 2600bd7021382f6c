// An HTTP/1.1 request tokenizer (RFC 9112) that takes one byte at a time, for a device's status page.
// about: Push-style HTTP/1.1 request tokenizer, chunk-size parser, percent decoding and method lookup.
// group: parser
// link: --export=request --export=bytes
#include "firmware.h"

#define E_SYNTAX  (-74)
#define E_TOO_BIG (-90)

enum state {
    METHOD, TARGET, H, HT, HTT, HTTP, SLASH, MAJOR, DOT, MINOR, LINE_LF,
    FIELD_START, FIELD_NAME, FIELD_SPACE, FIELD_VALUE, FIELD_LF, END_LF, BODY, DONE, FAILED
};

enum field { OTHER, CONTENT_LENGTH, CONNECTION, HOST };

struct request {
    uint8_t state, field, method_size, version;
    uint16_t target_size, fields;
    uint32_t content_length, body_seen;
    uint32_t name_hash;
    uint8_t keep_alive, has_host, has_length;
    char method[8];
    char target[64];
};

struct request request;
uint8_t bytes[512];

// A token character of RFC 9110, 5.6.2.
uint32_t EXPORT(http_is_token)(uint32_t c)
{
    if ((c | 0x20) - 'a' < 26 || c - '0' < 10) {
        return 1;
    }
    switch (c) {
    case '!': case '#': case '$': case '%': case '&': case '\'': case '*': case '+':
    case '-': case '.': case '^': case '_': case '`': case '|': case '~':
        return 1;
    }
    return 0;
}

// FNV-1a without regard to case, so that names compare by number.
uint32_t EXPORT(http_hash)(uint32_t hash, uint32_t c)
{
    if (c - 'A' < 26) {
        c |= 0x20;
    }
    return (hash ^ c) * 16777619u;
}

void EXPORT(http_reset)(void)
{
    __builtin_memset(&request, 0, sizeof request);
}

INTERNAL uint32_t classify(uint32_t hash)
{
    switch (hash) {
    case 0x4df9451du: /* content-length */ return CONTENT_LENGTH;
    case 0x38b99ed9u: /* connection */ return CONNECTION;
    case 0xaffea56fu: /* host */ return HOST;
    default: return OTHER;
    }
}

INTERNAL enum state field_value(uint32_t c)
{
    if (request.field == CONTENT_LENGTH) {
        if (c - '0' >= 10) {
            return FAILED;
        }
        if (request.content_length > 0xfffffu) {
            return FAILED;
        }
        request.content_length = request.content_length * 10 + (c - '0');
        request.has_length = 1;
    } else if (request.field == CONNECTION && (c | 0x20) == 'k') {
        request.keep_alive = 1;
    }
    return FIELD_VALUE;
}

// Takes one byte. Returns the new state.
uint32_t EXPORT(http_byte)(uint32_t c)
{
    struct request *r = &request;
    enum state next = FAILED;
    c &= 0xff;
    switch ((enum state)r->state) {
    case METHOD:
        if (c == ' ' && r->method_size) {
            next = TARGET;
        } else if (http_is_token(c) && r->method_size < sizeof r->method) {
            r->method[r->method_size++] = (char)c;
            next = METHOD;
        }
        break;
    case TARGET:
        if (c == ' ' && r->target_size) {
            next = H;
        } else if (c > 0x20 && c < 0x7f && r->target_size < sizeof r->target) {
            r->target[r->target_size++] = (char)c;
            next = TARGET;
        }
        break;
    case H: next = c == 'H' ? HT : FAILED; break;
    case HT: next = c == 'T' ? HTT : FAILED; break;
    case HTT: next = c == 'T' ? HTTP : FAILED; break;
    case HTTP: next = c == 'P' ? SLASH : FAILED; break;
    case SLASH: next = c == '/' ? MAJOR : FAILED; break;
    case MAJOR: next = c == '1' ? DOT : FAILED; break;
    case DOT: next = c == '.' ? MINOR : FAILED; break;
    case MINOR:
        if (r->version == 0 && (c == '0' || c == '1')) {
            r->version = (uint8_t)(0x10 | (c - '0'));
            r->keep_alive = c == '1';
            next = MINOR;
        } else if (r->version && c == '\r') {
            next = LINE_LF;
        }
        break;
    case LINE_LF: next = c == '\n' ? FIELD_START : FAILED; break;
    case FIELD_START:
        if (c == '\r') {
            next = END_LF;
            break;
        }
        r->name_hash = 0x811c9dc5u;
        // fall through
    case FIELD_NAME:
        if (http_is_token(c)) {
            r->name_hash = http_hash(r->name_hash, c);
            next = FIELD_NAME;
        } else if (c == ':' && r->state == FIELD_NAME) {
            r->field = (uint8_t)classify(r->name_hash);
            r->has_host |= r->field == HOST;
            r->fields++;
            next = FIELD_SPACE;
        }
        break;
    case FIELD_SPACE:
        if (c == ' ' || c == '\t') {
            next = FIELD_SPACE;
            break;
        }
        // fall through
    case FIELD_VALUE:
        next = c == '\r' ? FIELD_LF : c < 0x20 && c != '\t' ? FAILED : field_value(c);
        break;
    case FIELD_LF: next = c == '\n' ? FIELD_START : FAILED; break;
    case END_LF:
        if (c == '\n' && (r->has_host || r->version == 0x10)) {
            next = r->content_length ? BODY : DONE;
        }
        break;
    case BODY: next = ++r->body_seen == r->content_length ? DONE : BODY; break;
    case DONE: next = DONE; break;
    case FAILED: break;
    }
    r->state = (uint8_t)next;
    return next;
}

// Feeds bytes until the request is complete or wrong. Returns how many were used, or E_SYNTAX.
int32_t EXPORT(http_feed)(const uint8_t *from, uint32_t size)
{
    uint32_t used = 0;
    while (used < size && request.state != DONE) {
        if (http_byte(from[used++]) == FAILED) {
            return E_SYNTAX;
        }
    }
    return (int32_t)used;
}

// Known methods by number (RFC 9110, 9.3), 0 for all others.
uint32_t EXPORT(http_method)(void)
{
    static const char names[8][8] = { "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE" };
    for (uint32_t m = 0; m < 8; m++) {
        uint32_t n = 0;
        while (n < request.method_size && n < 8 && request.method[n] == names[m][n]) {
            n++;
        }
        if (n == request.method_size && (n == 8 || names[m][n] == 0) && n) {
            return m + 1;
        }
    }
    return 0;
}

// Percent decoding in place. Returns the new size or E_SYNTAX.
int32_t EXPORT(http_percent_decode)(uint8_t *s, uint32_t size)
{
    uint32_t written = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t c = s[i];
        if (c == '%') {
            if (size - i < 3) {
                return E_SYNTAX;
            }
            c = 0;
            for (int k = 0; k < 2; k++) {
                uint32_t d = s[++i];
                if (d - '0' < 10) {
                    d -= '0';
                } else if ((d | 0x20) - 'a' < 6) {
                    d = (d | 0x20) - 'a' + 10;
                } else {
                    return E_SYNTAX;
                }
                c = c << 4 | d;
            }
        } else if (c == '+') {
            c = ' ';
        }
        s[written++] = (uint8_t)c;
    }
    return (int32_t)written;
}

// Parses "1a2b;extension\r\n" (RFC 9112, 7.1). Low word: the size; high word: bytes used, 0 for an error.
uint64_t EXPORT(http_chunk_size)(const uint8_t *s, uint32_t size)
{
    uint32_t value = 0, at = 0;
    for (; at < size; at++) {
        uint32_t c = s[at];
        uint32_t d = c - '0' < 10 ? c - '0' : (c | 0x20) - 'a' < 6 ? (c | 0x20) - 'a' + 10 : 16;
        if (d == 16) {
            break;
        }
        if (value >> 28) {
            return 0;
        }
        value = value << 4 | d;
    }
    if (at == 0) {
        return 0;
    }
    while (at < size && s[at] != '\n') {
        at++;
    }
    if (at >= size || s[at - 1] != '\r') {
        return 0;
    }
    return value | (uint64_t)(at + 1) << 32;
}
