/*
 * Four tables, four bytes a step: Kounavis and Berry, "A Systematic Approach to Building High
 * Performance Software-Based CRC Generators", ISCC 2005.
 */
#include "crc32.h"

#include <string.h>

#define POLYNOMIAL 0xEDB88320u /* IEEE 802.3, bit reversed */

static uint32_t tables[4][256];

static uint32_t remainder_of_byte(uint32_t value)
{
    for (int bit = 0; bit < 8; bit++) {
        value = (value & 1u) ? (value >> 1) ^ POLYNOMIAL : value >> 1;
    }
    return value;
}

void hwp_crc32_initialise(void)
{
    for (uint32_t i = 0; i < 256u; i++) {
        tables[0][i] = remainder_of_byte(i);
    }
    for (uint32_t i = 0; i < 256u; i++) {
        for (uint32_t k = 1; k < 4u; k++) {
            uint32_t previous = tables[k - 1][i];
            tables[k][i] = (previous >> 8) ^ tables[0][previous & 0xFFu];
        }
    }
}

static uint32_t step_byte(uint32_t crc, uint8_t byte)
{
    return (crc >> 8) ^ tables[0][(crc ^ byte) & 0xFFu];
}

static uint32_t step_word(uint32_t crc, const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word); /* little-endian on every board this runs on */
    crc ^= word;
    return tables[3][crc & 0xFFu] ^ tables[2][(crc >> 8) & 0xFFu] ^
           tables[1][(crc >> 16) & 0xFFu] ^ tables[0][crc >> 24];
}

uint32_t hwp_crc32(const void *data, uint32_t size_bytes)
{
    const uint8_t *bytes = data;
    const uint8_t *end = bytes + size_bytes;
    const uint8_t *last_word = bytes + (size_bytes & ~3u);
    uint32_t crc = 0xFFFFFFFFu;
    for (; bytes != last_word; bytes += 4) {
        crc = step_word(crc, bytes);
    }
    for (; bytes != end; bytes++) {
        crc = step_byte(crc, *bytes);
    }
    return ~crc;
}
