/*
 * The fixed-point arithmetic of docs/FORMATS.md and the output stage, inlined into the kernels of
 * every library.
 */
#ifndef HWP_FIXED_POINT_S8_H
#define HWP_FIXED_POINT_S8_H

#include <stdint.h>

#define HWP_INLINE static inline __attribute__((always_inline))

HWP_INLINE int32_t hwp_min_s32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

HWP_INLINE int32_t hwp_max_s32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

HWP_INLINE int32_t hwp_clamp_s32(int32_t value, int32_t low, int32_t high)
{
    return hwp_min_s32(hwp_max_s32(value, low), high);
}

/* (a * b + 2^30) >> 31: docs/FORMATS.md. Neither factor pair is (-2^31, -2^31) in this program. */
HWP_INLINE int32_t hwp_doubling_high_mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^shift, halves away from zero; shift is 0 .. 31. */
HWP_INLINE int32_t hwp_round_shift(int32_t value, int32_t shift)
{
    const int32_t mask = (int32_t)((1u << shift) - 1u);
    const int32_t half = (mask >> 1) + (value < 0);
    return (value >> shift) + ((value & mask) > half);
}

/* value * multiplier * 2^(shift - 31), rounded twice as docs/FORMATS.md defines it. */
HWP_INLINE int32_t hwp_rescale(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t left = hwp_max_s32(shift, 0);
    const int32_t right = left - shift;
    const int32_t raised = (int32_t)((uint32_t)value << left);
    return hwp_round_shift(hwp_doubling_high_mul(raised, multiplier), right);
}

/* From an accumulator to an output, for all channels of a layer. */
struct hwp_output_stage {
    const int32_t *bias;
    const int32_t *multiplier;
    const int32_t *shift;
    int32_t output_offset;
    int32_t activation_min;
    int32_t activation_max;
};

/* `sum` holds the bias already. */
HWP_INLINE int8_t hwp_output_s8(const struct hwp_output_stage *stage, int32_t channel, int32_t sum)
{
    const int32_t scaled = hwp_rescale(sum, stage->multiplier[channel], stage->shift[channel]);
    return (int8_t)hwp_clamp_s32(scaled + stage->output_offset, stage->activation_min,
                                 stage->activation_max);
}

/* The output stage of a dense layer: one rounding, halves away from zero (docs/FORMATS.md). */
HWP_INLINE int8_t hwp_dense_output_s8(const struct hwp_output_stage *stage, int32_t channel,
                                      int32_t sum)
{
    const int64_t product = (int64_t)sum * stage->multiplier[channel];
    const int32_t places = 31 - stage->shift[channel]; /* 1 .. 62 */
    const int64_t half = (int64_t)1 << (places - 1);
    const int32_t scaled = (int32_t)((product + half - (product < 0)) >> places);
    return (int8_t)hwp_clamp_s32(scaled + stage->output_offset, stage->activation_min,
                                 stage->activation_max);
}

/* The output stage of any record that has bias, multiplier and shift. */
#define HWP_OUTPUT_STAGE(record, operands)                                                         \
    {                                                                                              \
        .bias = (operands)->bias, .multiplier = (operands)->multiplier,                            \
        .shift = (operands)->shift, .output_offset = (record)->output_offset,                      \
        .activation_min = (record)->activation_min, .activation_max = (record)->activation_max,    \
    }

#endif
