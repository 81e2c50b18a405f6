/* The rules of each record by itself: dimensions, ranges, and how many bytes its operands have. */
#ifndef RECORD_RULES_H
#define RECORD_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "hwp_program.h"

/* In the order of struct hwp_operands in kernels.h. */
enum hwp_operand {
    HWP_OPERAND_INPUT,
    HWP_OPERAND_INPUT_2,
    HWP_OPERAND_OUTPUT,
    HWP_OPERAND_WEIGHTS,
    HWP_OPERAND_BIAS,
    HWP_OPERAND_MULTIPLIER,
    HWP_OPERAND_SHIFT,
    HWP_OPERAND_TABLE,
    HWP_OPERAND_SCRATCH,
    HWP_OPERAND_WEIGHT_ZERO_POINT,
    HWP_OPERAND_BIAS_SHIFT,
    HWP_OPERAND_COUNT,
};

struct hwp_extents {
    uint32_t bytes[HWP_OPERAND_COUNT]; /* 0 where a record has no such operand; UINT32_MAX: too many */
    bool elementwise;                  /* the output may be one of the inputs */
};

/* Each returns NULL and fills extents (zeroed by the caller), or returns the rule that is broken. */
#define HWP_DECLARE_RULES(name, upper) \
    const char *hwp_rules_##name(const struct hwp_##name *record, struct hwp_extents *extents);
HWP_RECORDS(HWP_DECLARE_RULES)
#undef HWP_DECLARE_RULES

/* Whether places of a right shift, or of a bias to the left, are what docs/FORMATS.md allows. */
bool hwp_rules_places(int32_t shift);

/* Whether a factor multiplier * 2^(shift - 31) is one that docs/FORMATS.md allows. */
bool hwp_rules_scale(int32_t multiplier, int32_t shift);

#endif
