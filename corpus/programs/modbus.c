// A Modbus RTU slave: frame assembly byte by byte, CRC-16 and the register functions.
// about: Modbus RTU slave with a byte-wise receiver, CRC-16, register reads and writes and exception answers.
// group: parser
// link: --export=frame --export=reply --export=registers
#include "firmware.h"

void IMPORT(register_written)(uint32_t address, uint32_t value);

#define REGISTERS 32u
#define FRAME_MAX 64u
#define SLAVE     0x11u
#define E_SHORT   (-61)
#define E_CRC     (-71)
#define E_ADDRESS (-49)

uint8_t frame[FRAME_MAX];
uint8_t reply[FRAME_MAX + 32];
uint16_t registers[REGISTERS];
static uint32_t received;
static uint32_t dropped;

uint32_t EXPORT(modbus_crc)(const uint8_t *data, uint32_t size)
{
    uint32_t crc = 0xffff;
    for (uint32_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
        }
    }
    return crc;
}

// One byte from the line. Returns how many bytes the frame has so far.
uint32_t EXPORT(modbus_receive)(uint32_t byte)
{
    if (received == FRAME_MAX) {
        dropped++;
    } else {
        frame[received++] = (uint8_t)byte;
    }
    return received;
}

static inline uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

INTERNAL int32_t exception(uint32_t function, uint32_t code)
{
    reply[1] = (uint8_t)(function | 0x80);
    reply[2] = (uint8_t)code;
    return 3;
}

// Carries out the request in `frame` and builds the answer without its CRC. Returns the answer's size.
int32_t EXPORT(modbus_execute)(uint32_t size)
{
    uint32_t function = frame[1];
    reply[0] = frame[0];
    reply[1] = frame[1];
    if (size < 6) {
        return exception(function, 3);
    }
    uint32_t address = be16(&frame[2]);
    uint32_t value = be16(&frame[4]);
    switch (function) {
    case 3: // read holding registers
        if (value == 0 || value > 24) {
            return exception(function, 3);
        }
        if (address + value > REGISTERS) {
            return exception(function, 2);
        }
        reply[2] = (uint8_t)(2 * value);
        for (uint32_t i = 0; i < value; i++) {
            reply[3 + 2 * i] = (uint8_t)(registers[address + i] >> 8);
            reply[4 + 2 * i] = (uint8_t)registers[address + i];
        }
        return (int32_t)(3 + 2 * value);
    case 6: // write one register
        if (address >= REGISTERS) {
            return exception(function, 2);
        }
        registers[address] = (uint16_t)value;
        register_written(address, value);
        break;
    case 16: // write several registers
        if (value == 0 || value > 24 || size < 7 + 2 * value || frame[6] != 2 * value) {
            return exception(function, 3);
        }
        if (address + value > REGISTERS) {
            return exception(function, 2);
        }
        for (uint32_t i = 0; i < value; i++) {
            registers[address + i] = (uint16_t)be16(&frame[7 + 2 * i]);
            register_written(address + i, registers[address + i]);
        }
        break;
    case 22: // mask write
        if (size < 8) {
            return exception(function, 3);
        }
        if (address >= REGISTERS) {
            return exception(function, 2);
        }
        registers[address] = (uint16_t)((registers[address] & value) | (be16(&frame[6]) & ~value));
        reply[6] = frame[6];
        reply[7] = frame[7];
        for (int i = 2; i < 6; i++) {
            reply[i] = frame[i];
        }
        return 8;
    default:
        return exception(function, 1);
    }
    for (int i = 2; i < 6; i++) {
        reply[i] = frame[i];
    }
    return 6;
}

// The line has been silent: the frame is complete. Returns the answer's size with CRC, 0 for none, or an error.
int32_t EXPORT(modbus_frame_end)(void)
{
    uint32_t size = received;
    received = 0;
    if (size < 4) {
        return E_SHORT;
    }
    if (modbus_crc(frame, size - 2) != (frame[size - 2] | (uint32_t)frame[size - 1] << 8)) {
        return E_CRC;
    }
    if (frame[0] != SLAVE && frame[0] != 0) {
        return E_ADDRESS;
    }
    int32_t answer = modbus_execute(size - 2);
    if (frame[0] == 0) {
        return 0; // a broadcast is not answered
    }
    uint32_t crc = modbus_crc(reply, (uint32_t)answer);
    reply[answer] = (uint8_t)crc;
    reply[answer + 1] = (uint8_t)(crc >> 8);
    return answer + 2;
}
