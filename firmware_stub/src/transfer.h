/* One transfer in chunks: opened by BEGIN, filled by CHUNK, complete when its CRC-32 is right. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "hwp_protocol.h"

struct hwp_transfer {
    uint8_t *start; /* NULL: none is open */
    uint32_t total_bytes;
    uint32_t crc32;
    uint32_t received_bytes;
};

/*
 * Takes a chunk. One that was taken before, or that comes too early, changes nothing: the sender
 * goes on from received_bytes. The chunk that completes the transfer may fail on the checksum, and
 * then the transfer starts again from 0.
 */
struct hwp_result hwp_transfer_chunk(struct hwp_transfer *transfer, uint32_t offset_bytes,
                                     const uint8_t *data, uint32_t size_bytes);

bool hwp_transfer_is_complete(const struct hwp_transfer *transfer);

#endif
