/* Chunks may be lost, repeated, or late; memory outside the transfer is never written. */
#include "transfer.h"

#include <string.h>

#include "crc32.h"

struct hwp_result hwp_transfer_chunk(struct hwp_transfer *transfer, uint32_t offset_bytes,
                                     const uint8_t *data, uint32_t size_bytes)
{
    if (transfer->start == NULL) {
        return hwp_refuse(HWP_ERROR_SEQUENCE, "no transfer is open; send BEGIN first");
    }
    if (offset_bytes > transfer->total_bytes ||
        size_bytes > transfer->total_bytes - offset_bytes) {
        return hwp_refuse(HWP_ERROR_BOUNDS, "the chunk reaches beyond the transfer");
    }
    if (offset_bytes != transfer->received_bytes) {
        return hwp_done();
    }
    memcpy(transfer->start + offset_bytes, data, size_bytes);
    transfer->received_bytes += size_bytes;
    if (transfer->received_bytes == transfer->total_bytes && size_bytes > 0 &&
        hwp_crc32(transfer->start, transfer->total_bytes) != transfer->crc32) {
        transfer->received_bytes = 0;
        return hwp_refuse(HWP_ERROR_CHECKSUM, "the transfer's bytes do not have its checksum");
    }
    return hwp_done();
}

bool hwp_transfer_is_complete(const struct hwp_transfer *transfer)
{
    return transfer->start != NULL && transfer->received_bytes == transfer->total_bytes;
}
