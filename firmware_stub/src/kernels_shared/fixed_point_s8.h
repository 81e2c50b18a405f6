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

/* A rounding shift to the right, halves up; places is 0 .. 30. */
HWP_INLINE int32_t hwp_round_half_up(int32_t value, int32_t places)
{
    return (value + ((1 << places) >> 1)) >> places;
}

/* value * multiplier * 2^(shift - 31) with one rounding, halves away from zero. */
HWP_INLINE int32_t hwp_rescale_once(int32_t value, int32_t multiplier, int32_t shift)
{
    const int64_t product = (int64_t)value * multiplier;
    const int32_t places = 31 - shift; /* 1 .. 62 */
    const int64_t half = (int64_t)1 << (places - 1);
    return (int32_t)((product + half - (product < 0)) >> places);
}

#endif
