/* What the board is: the answer to HELLO. */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <stdint.h>

/* Writes the description, far below HWP_MAX_PAYLOAD_BYTES, and returns its size in bytes. */
uint32_t hwp_describe(uint8_t *bytes);

#endif
