/* A ring: record `first` of repeat `repeat` is number repeat * record_count + first of the run. */
#include "results.h"

#include "frame.h"

static struct {
    bool is_known;
    uint32_t run;
    uint32_t record_count;
    uint64_t measured;
    uint32_t next; /* measured modulo HWP_KEPT_RECORDS */
} last;

/* One record is at most 2^32 cycles, the counter's own width. */
static struct {
    uint32_t cycles;
    uint32_t crc32;
} kept[HWP_KEPT_RECORDS];

_Static_assert((HWP_KEPT_RECORDS & (HWP_KEPT_RECORDS - 1u)) == 0, "a ring is a power of two");

static uint64_t number_of(const struct hwp_result_range *range)
{
    return (uint64_t)range->repeat * last.record_count + range->first;
}

void hwp_results_forget(void)
{
    last.is_known = false;
}

void hwp_results_begin(uint32_t run, uint32_t record_count)
{
    last.is_known = true;
    last.run = run;
    last.record_count = record_count;
    last.measured = 0;
    last.next = 0;
}

bool hwp_results_are_of(uint32_t run)
{
    return last.is_known && last.run == run;
}

void hwp_results_add(struct hwp_measured measured)
{
    kept[last.next].cycles = (uint32_t)measured.cycles;
    kept[last.next].crc32 = measured.crc32;
    last.next = (last.next + 1u) % HWP_KEPT_RECORDS;
    last.measured++;
}

bool hwp_results_hold(const struct hwp_result_range *range)
{
    if (!hwp_results_are_of(range->run) || range->first > last.record_count ||
        range->count > last.record_count - range->first) {
        return false;
    }
    uint64_t number = number_of(range);
    return number + range->count <= last.measured &&
           number + HWP_KEPT_RECORDS >= last.measured;
}

uint32_t hwp_results_put(uint8_t *bytes, const struct hwp_result_range *range)
{
    uint8_t *end = hwp_put_u32(bytes, range->run);
    end = hwp_put_u32(end, range->repeat);
    end = hwp_put_u32(end, range->first);
    end = hwp_put_u32(end, range->count);
    uint32_t slot = (uint32_t)number_of(range) % HWP_KEPT_RECORDS;
    for (uint32_t i = 0; i < range->count; i++) {
        end = hwp_put_u32(end, kept[slot].cycles);
        end = hwp_put_u32(end, 0);
        end = hwp_put_u32(end, kept[slot].crc32);
        slot = (slot + 1u) % HWP_KEPT_RECORDS;
    }
    return (uint32_t)(end - bytes);
}
