/* CRC-32 of IEEE 802.3, reflected, as zlib computes it. */
#ifndef CRC32_H
#define CRC32_H

#include <stdint.h>

/* Fills the tables; called once before hwp_crc32. */
void hwp_crc32_initialise(void);

/* CRC-32 of the bytes; 0 for none. */
uint32_t hwp_crc32(const void *data, uint32_t size_bytes);

#endif
