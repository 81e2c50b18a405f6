/*
 * Which operands have an offset, known when a kernel is compiled. Glow's compiler folds the offsets
 * of a network into its generic kernels, so a symmetric tensor's zero costs nothing there; the
 * offsets of channelwise weights lie in an array and are added even where they are zero. Here each
 * loop is compiled for every case.
 */
#ifndef HWP_OFFSETS_H
#define HWP_OFFSETS_H

#include "kernels_shared/output_stage_s8.h"

enum hwp_offsets {
    HWP_NO_OFFSET,
    HWP_INPUT_OFFSET,
    HWP_WEIGHT_OFFSET,
    HWP_BOTH_OFFSETS,
};

HWP_INLINE bool hwp_offsets_input(enum hwp_offsets offsets)
{
    return offsets == HWP_INPUT_OFFSET || offsets == HWP_BOTH_OFFSETS;
}

HWP_INLINE bool hwp_offsets_weights(enum hwp_offsets offsets)
{
    return offsets == HWP_WEIGHT_OFFSET || offsets == HWP_BOTH_OFFSETS;
}

HWP_INLINE int32_t hwp_input_s8(int8_t input, int32_t offset, enum hwp_offsets offsets)
{
    return hwp_offsets_input(offsets) ? input + offset : input;
}

/* The zero point of a channel's weights, 0 where there is none. */
HWP_INLINE int32_t hwp_zero_point_s8(const int8_t *zero_points, int32_t channel,
                                     enum hwp_offsets offsets)
{
    return hwp_offsets_weights(offsets) ? zero_points[channel] : 0;
}

#define HWP_OFFSET_VARIANT(name, type, suffix, offsets)                                            \
    HWP_INLINE void name##_##suffix##_by(const struct type *record,                                \
                                         const struct hwp_operands *operands, enum hwp_way way)    \
    {                                                                                              \
        name##_with(record, operands, way, offsets);                                               \
    }                                                                                              \
    static void name##_##suffix(const struct type *record, const struct hwp_operands *operands);   \
    HWP_VARIANTS(name##_##suffix, type)

/* name(record, operands) from name_with(record, operands, way, offsets). */
#define HWP_OFFSET_VARIANTS(name, type)                                                            \
    HWP_OFFSET_VARIANT(name, type, no_offset, HWP_NO_OFFSET)                                       \
    HWP_OFFSET_VARIANT(name, type, input_offset, HWP_INPUT_OFFSET)                                 \
    HWP_OFFSET_VARIANT(name, type, weight_offset, HWP_WEIGHT_OFFSET)                               \
    HWP_OFFSET_VARIANT(name, type, both_offsets, HWP_BOTH_OFFSETS)                                 \
    void name(const struct type *record, const struct hwp_operands *operands)                      \
    {                                                                                              \
        if (record->has_weight_zero_point && record->input_offset != 0) {                              \
            name##_both_offsets(record, operands);                                                 \
        } else if (record->has_weight_zero_point) {                                                    \
            name##_weight_offset(record, operands);                                                \
        } else if (record->input_offset != 0) {                                                    \
            name##_input_offset(record, operands);                                                 \
        } else {                                                                                   \
            name##_no_offset(record, operands);                                                    \
        }                                                                                          \
    }

#endif
