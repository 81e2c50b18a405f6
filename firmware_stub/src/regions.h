/* Where the five regions of a program lie on this board. */
#ifndef REGIONS_H
#define REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "hwp_program.h"
#include "hwp_protocol.h"

/* Memory indices of HELLO, chosen by PLACE. */
struct hwp_placement {
    uint8_t activations;
    uint8_t weights;
    uint8_t scratch;
};

struct hwp_region_span {
    uint8_t *start;
    uint32_t size_bytes;
};

struct hwp_regions {
    struct hwp_region_span span[HWP_REGION_COUNT];
};

/* Refuses a memory that does not exist or is not offered for the part. */
struct hwp_result hwp_placement_check(const struct hwp_placement *placement);

/*
 * Lays out a program's regions: in each memory weights first, then activations, then scratch, each
 * on a 32-byte boundary. Refuses sizes that do not fit.
 */
struct hwp_result hwp_regions_plan(struct hwp_regions *regions,
                                   const struct hwp_placement *placement,
                                   const struct hwp_header *header);

/* Whether size_bytes from an address word on lie inside one region. */
bool hwp_regions_hold(const struct hwp_regions *regions, hwp_address_t address,
                      uint32_t size_bytes);

/* Pointer of an address word that hwp_regions_hold has approved. */
static inline uint8_t *hwp_regions_pointer(const struct hwp_regions *regions, hwp_address_t address)
{
    return regions->span[HWP_ADDRESS_REGION(address)].start + HWP_ADDRESS_OFFSET_BYTES(address);
}

#endif
