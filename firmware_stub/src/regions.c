/* Placement of regions in the board's memories, with every bound checked before use. */
#include "regions.h"

#include <stddef.h>

#include "board.h"

#define ALIGNMENT_BYTES 32u /* one cache line; profiler/program.py aligns tensors alike */

static bool offers(uint8_t memory, uint32_t any_of_flags)
{
    return memory < board.memory_count && (board.memories[memory].flags & any_of_flags) != 0;
}

struct hwp_result hwp_placement_check(const struct hwp_placement *placement)
{
    if (!offers(placement->activations, BOARD_HOLDS_ACTIVATIONS)) {
        return hwp_refuse(HWP_ERROR_PLACEMENT, "that memory is not offered for activations");
    }
    if (!offers(placement->weights, BOARD_TAKES_WEIGHTS | BOARD_STAGES_WEIGHTS)) {
        return hwp_refuse(HWP_ERROR_PLACEMENT, "that memory is not offered for weights");
    }
    if (!offers(placement->scratch, BOARD_HOLDS_SCRATCH)) {
        return hwp_refuse(HWP_ERROR_PLACEMENT, "that memory is not offered for scratch");
    }
    return hwp_done();
}

/* Takes size_bytes of a memory from used_bytes[memory] on; false if they are not there. */
static bool take(uint32_t *used_bytes, uint8_t memory, uint32_t size_bytes,
                 struct hwp_region_span *span)
{
    uint32_t start = used_bytes[memory];
    uint32_t free_bytes = board.memories[memory].size_bytes - start;
    if (size_bytes > free_bytes) {
        return false;
    }
    span->start = board.memories[memory].start + start;
    span->size_bytes = size_bytes;
    uint32_t padding = (0u - size_bytes) & (ALIGNMENT_BYTES - 1u);
    uint32_t left_bytes = free_bytes - size_bytes;
    used_bytes[memory] = start + size_bytes + (padding < left_bytes ? padding : left_bytes);
    return true;
}

struct hwp_result hwp_regions_plan(struct hwp_regions *regions,
                                   const struct hwp_placement *placement,
                                   const struct hwp_header *header)
{
    uint32_t used_bytes[BOARD_MAX_MEMORIES] = {0};
    struct hwp_region_span *span = regions->span;
    if (!take(used_bytes, placement->weights, header->weights_bytes, &span[HWP_REGION_WEIGHTS])) {
        return hwp_refuse(HWP_ERROR_PROGRAM, "the weights do not fit their memory");
    }
    if (!take(used_bytes, placement->activations, header->activations_bytes,
              &span[HWP_REGION_ACTIVATIONS])) {
        return hwp_refuse(HWP_ERROR_PROGRAM, "the activations do not fit their memory");
    }
    if (!take(used_bytes, placement->scratch, header->scratch_bytes, &span[HWP_REGION_SCRATCH])) {
        return hwp_refuse(HWP_ERROR_PROGRAM, "the scratch does not fit its memory");
    }
    if (header->constants_bytes > board.constants.size_bytes) {
        return hwp_refuse(HWP_ERROR_PROGRAM, "the constants do not fit the board's room for them");
    }
    span[HWP_REGION_CONSTANTS] =
        (struct hwp_region_span){(uint8_t *)board.constants.start, header->constants_bytes};
    /* Never written: what a record writes to lies in the activations or the scratch. */
    span[HWP_REGION_POOL] = (struct hwp_region_span){(uint8_t *)board.pool, HWP_POOL_BYTES};
    return hwp_done();
}

bool hwp_regions_hold(const struct hwp_regions *regions, hwp_address_t address,
                      uint32_t size_bytes)
{
    uint32_t region = HWP_ADDRESS_REGION(address);
    if (region >= HWP_REGION_COUNT) {
        return false;
    }
    uint32_t room_bytes = regions->span[region].size_bytes;
    uint32_t offset_bytes = HWP_ADDRESS_OFFSET_BYTES(address);
    return offset_bytes <= room_bytes && size_bytes <= room_bytes - offset_bytes;
}
