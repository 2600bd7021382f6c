// CRC-32 as of IEEE 802.3 (reflected, polynomial 0x04c11db7), three ways, and the CRC-16 of CCITT for comparison.
// about: CRC-32 bitwise, by nibble table and by a 256-entry table built at start-up, with combination; CRC-16/CCITT.
// group: codec
// link: --export=buffer
#include "firmware.h"

#define POLY_REFLECTED 0xedb88320u

uint8_t buffer[512];

static uint32_t table[256];
static bool table_ready;

static const uint32_t nibble_table[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

// One byte through the shift register; `crc` is the inverted running value.
uint32_t EXPORT(crc32_byte)(uint32_t crc, uint32_t byte)
{
    crc ^= byte & 0xff;
    for (int bit = 0; bit < 8; bit++) {
        crc = (crc >> 1) ^ (POLY_REFLECTED & (0u - (crc & 1)));
    }
    return crc;
}

void EXPORT(crc32_init)(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = crc32_byte(0, i);
    }
    table_ready = true;
}

uint32_t EXPORT(crc32_bitwise)(const uint8_t *data, uint32_t size)
{
    uint32_t crc = 0xffffffffu;
    for (uint32_t i = 0; i < size; i++) {
        crc = crc32_byte(crc, data[i]);
    }
    return ~crc;
}

uint32_t EXPORT(crc32_nibble)(const uint8_t *data, uint32_t size)
{
    uint32_t crc = 0xffffffffu;
    while (size--) {
        crc ^= *data++;
        crc = (crc >> 4) ^ nibble_table[crc & 15];
        crc = (crc >> 4) ^ nibble_table[crc & 15];
    }
    return ~crc;
}

// Continues a CRC over further data: `crc` is the finished CRC of what came before, 0 for nothing.
uint32_t EXPORT(crc32_update)(uint32_t crc, const uint8_t *data, uint32_t size)
{
    if (!table_ready) {
        crc32_init();
    }
    crc = ~crc;
    for (const uint8_t *end = data + size; data != end; data++) {
        crc = (crc >> 8) ^ table[(crc ^ *data) & 0xff];
    }
    return ~crc;
}

// CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xffff, not reflected.
uint32_t EXPORT(crc16_ccitt)(const uint8_t *data, uint32_t size)
{
    uint32_t crc = 0xffff;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t x = ((crc >> 8) ^ data[i]) & 0xff;
        x ^= x >> 4;
        crc = ((crc << 8) ^ (x << 12) ^ (x << 5) ^ x) & 0xffff;
    }
    return crc;
}
