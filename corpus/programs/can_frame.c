// CAN frames: signals packed into eight bytes, acceptance filters, the CRC-15 of the wire and bit stuffing.
// about: CAN signal packing and unpacking in both byte orders, identifiers, acceptance filters, CRC-15 and bit stuffing.
// group: codec
// link: --export=frame --export=bits --export=stuffed
#include "firmware.h"

#define E_INVAL (-22)

uint8_t frame[8];
uint8_t bits[128];    // one bit a byte
uint8_t stuffed[160];

// Puts `width` bits of `value` at bit `start` of a payload word, little-endian bit order. Returns the new payload.
uint64_t EXPORT(can_insert)(uint64_t payload, uint32_t start, uint32_t width, uint64_t value)
{
    if (width == 0 || width > 64 || start > 63 || start + width > 64) {
        return payload;
    }
    uint64_t mask = width == 64 ? ~0ull : (1ull << width) - 1;
    return (payload & ~(mask << start)) | ((value & mask) << start);
}

// Takes a signal out, sign-extended when `is_signed`. An invalid place gives 0.
int64_t EXPORT(can_extract)(uint64_t payload, uint32_t start, uint32_t width, uint32_t is_signed)
{
    if (width == 0 || width > 64 || start > 63 || start + width > 64) {
        return 0;
    }
    uint64_t value = payload << (64 - start - width);
    return is_signed ? (int64_t)value >> (64 - width) : (int64_t)(value >> (64 - width));
}

void EXPORT(can_store)(uint64_t payload)
{
    for (int i = 0; i < 8; i++) {
        frame[i] = (uint8_t)(payload >> (8 * i));
    }
}

uint64_t EXPORT(can_load)(void)
{
    uint64_t payload = 0;
    for (int i = 7; i >= 0; i--) {
        payload = payload << 8 | frame[i];
    }
    return payload;
}

uint64_t EXPORT(can_swap_order)(uint64_t payload)
{
    return __builtin_bswap64(payload);
}

// A J1939 identifier: priority (3 bits), parameter group (18 bits), source address (8 bits); -22 where one does not fit.
int32_t EXPORT(can_identifier)(uint32_t priority, uint32_t group, uint32_t source)
{
    if (priority > 7 || group > 0x3ffff || source > 0xff) {
        return E_INVAL;
    }
    return (int32_t)(priority << 26 | group << 8 | source);
}

// Parameter group of an identifier: for destination-specific groups the low byte is an address and is cleared.
uint32_t EXPORT(can_group)(uint32_t identifier)
{
    uint32_t group = identifier >> 8 & 0x3ffff;
    return (group >> 8 & 0xff) < 240 ? group & 0x3ff00 : group;
}

// First of four filters that accepts the identifier, or -1.
int32_t EXPORT(can_accept)(uint32_t identifier)
{
    static const struct { uint32_t id, mask; } filters[4] = {
        { 0x100, 0x7f0 }, { 0x7df, 0x7ff }, { 0x18feca00, 0x1fffff00 }, { 0x80000000, 0x80000000 },
    };
    for (int i = 0; i < 4; i++) {
        if (((identifier ^ filters[i].id) & filters[i].mask) == 0) {
            return i;
        }
    }
    return -1;
}

// CRC-15 of ISO 11898-1 over `count` entries of `bits`.
uint32_t EXPORT(can_crc15)(uint32_t count)
{
    uint32_t crc = 0;
    for (uint32_t i = 0; i < count && i < sizeof bits; i++) {
        uint32_t next = (bits[i] & 1) ^ (crc >> 14 & 1);
        crc = crc << 1 & 0x7fff;
        if (next) {
            crc ^= 0x4599;
        }
    }
    return crc;
}

// Inserts a complement after five equal bits. Returns the number of bits in `stuffed`.
int32_t EXPORT(can_stuff)(uint32_t count)
{
    if (count > sizeof bits) {
        return E_INVAL;
    }
    uint32_t written = 0, run = 0, last = 2;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bit = bits[i] & 1;
        run = bit == last ? run + 1 : 1;
        last = bit;
        stuffed[written++] = (uint8_t)bit;
        if (run == 5) {
            last = !bit;
            stuffed[written++] = (uint8_t)last;
            run = 1;
        }
    }
    return (int32_t)written;
}

// Undoes the stuffing. Returns the number of bits in `bits`, or -74 for six equal bits.
int32_t EXPORT(can_unstuff)(uint32_t count)
{
    uint32_t written = 0, run = 0, last = 2;
    for (uint32_t i = 0; i < count && i < sizeof stuffed; i++) {
        uint32_t bit = stuffed[i] & 1;
        if (run == 5) {
            if (bit == last) {
                return -74;
            }
            run = 1;
            last = bit;
            continue;
        }
        run = bit == last ? run + 1 : 1;
        last = bit;
        if (written < sizeof bits) {
            bits[written++] = (uint8_t)bit;
        }
    }
    return (int32_t)written;
}
