/*
 * From accumulators to outputs. A kernel is compiled once for each way of requantisation: an
 * always-inline function takes it as a constant argument, and HWP_VARIANTS makes the copies.
 */
#ifndef HWP_OUTPUT_STAGE_S8_H
#define HWP_OUTPUT_STAGE_S8_H

#include "kernels.h"
#include "kernels_shared/fixed_point_s8.h"

enum hwp_way {
    HWP_MULTIPLIER_PER_CHANNEL,
    HWP_MULTIPLIER_PER_TENSOR,
    HWP_SHIFT_PER_CHANNEL,
    HWP_SHIFT_PER_TENSOR,
};

HWP_INLINE bool hwp_by_shift(enum hwp_way way)
{
    return way == HWP_SHIFT_PER_CHANNEL || way == HWP_SHIFT_PER_TENSOR;
}

HWP_INLINE bool hwp_per_channel(enum hwp_way way)
{
    return way == HWP_MULTIPLIER_PER_CHANNEL || way == HWP_SHIFT_PER_CHANNEL;
}

/* Constants of all channels of a layer. */
struct hwp_output_stage {
    const void *bias; /* int32, or int8 with shifts */
    const int32_t *bias_shift;
    const int32_t *multiplier;
    const int32_t *shift;
    int32_t tensor_bias_shift; /* the only ones where they are per tensor */
    int32_t tensor_multiplier;
    int32_t tensor_shift;
    int32_t output_offset;
    int32_t activation_min;
    int32_t activation_max;
};

/* Reads what is per tensor once, so that no store to an int8 output makes it read again. */
HWP_INLINE struct hwp_output_stage hwp_output_stage(const struct hwp_operands *operands,
                                                    int32_t output_offset, int32_t activation_min,
                                                    int32_t activation_max, enum hwp_way way)
{
    struct hwp_output_stage stage = {
        .bias = operands->bias,
        .bias_shift = operands->bias_shift,
        .multiplier = operands->multiplier,
        .shift = operands->shift,
        .output_offset = output_offset,
        .activation_min = activation_min,
        .activation_max = activation_max,
    };
    if (way == HWP_SHIFT_PER_TENSOR) {
        stage.tensor_bias_shift = *operands->bias_shift;
        stage.tensor_shift = *operands->shift;
    } else if (way == HWP_MULTIPLIER_PER_TENSOR) {
        stage.tensor_multiplier = *operands->multiplier;
        stage.tensor_shift = *operands->shift;
    }
    return stage;
}

/* The output stage of any weighted record. */
#define HWP_OUTPUT_STAGE(record, operands, way)                                                    \
    hwp_output_stage(operands, (record)->output_offset, (record)->activation_min,                  \
                     (record)->activation_max, way)

/* Moves a stage to the channels of the next group. */
HWP_INLINE void hwp_next_channels(struct hwp_output_stage *stage, int32_t channels,
                                  enum hwp_way way)
{
    stage->bias = (const int8_t *)stage->bias + (hwp_by_shift(way) ? 1 : 4) * channels;
    if (hwp_per_channel(way)) {
        stage->bias_shift += hwp_by_shift(way) ? channels : 0;
        stage->multiplier += hwp_by_shift(way) ? 0 : channels;
        stage->shift += channels;
    }
}

HWP_INLINE int32_t hwp_bias_s8(const struct hwp_output_stage *stage, int32_t channel,
                               enum hwp_way way)
{
    switch (way) {
    case HWP_SHIFT_PER_CHANNEL:
        return ((const int8_t *)stage->bias)[channel] * (1 << stage->bias_shift[channel]);
    case HWP_SHIFT_PER_TENSOR:
        return ((const int8_t *)stage->bias)[channel] * (1 << stage->tensor_bias_shift);
    default:
        return ((const int32_t *)stage->bias)[channel];
    }
}

HWP_INLINE int8_t hwp_clamped_s8(const struct hwp_output_stage *stage, int32_t value)
{
    return (int8_t)hwp_clamp_s32(value, stage->activation_min, stage->activation_max);
}

/* `sum` holds the bias already. */
HWP_INLINE int8_t hwp_output_s8(const struct hwp_output_stage *stage, int32_t channel, int32_t sum,
                                enum hwp_way way)
{
    const int32_t shift = hwp_per_channel(way) ? stage->shift[channel] : stage->tensor_shift;
    if (hwp_by_shift(way)) {
        return hwp_clamped_s8(stage, hwp_round_half_up(sum, shift));
    }
    const int32_t multiplier =
        hwp_per_channel(way) ? stage->multiplier[channel] : stage->tensor_multiplier;
    return hwp_clamped_s8(stage, hwp_rescale(sum, multiplier, shift) + stage->output_offset);
}

/* The output stage of a dense layer: with multipliers it rounds once (docs/FORMATS.md). */
HWP_INLINE int8_t hwp_dense_output_s8(const struct hwp_output_stage *stage, int32_t channel,
                                      int32_t sum, enum hwp_way way)
{
    if (hwp_by_shift(way)) {
        return hwp_output_s8(stage, channel, sum, way);
    }
    const int32_t shift = hwp_per_channel(way) ? stage->shift[channel] : stage->tensor_shift;
    const int32_t multiplier =
        hwp_per_channel(way) ? stage->multiplier[channel] : stage->tensor_multiplier;
    return hwp_clamped_s8(stage, hwp_rescale_once(sum, multiplier, shift) + stage->output_offset);
}

#define HWP_WAY_OF(record)                                                                         \
    ((record)->requantisation == HWP_REQUANTISE_BY_SHIFT                                           \
         ? ((record)->per_channel ? HWP_SHIFT_PER_CHANNEL : HWP_SHIFT_PER_TENSOR)                  \
         : ((record)->per_channel ? HWP_MULTIPLIER_PER_CHANNEL : HWP_MULTIPLIER_PER_TENSOR))

#define HWP_VARIANT(name, type, suffix, way)                                                       \
    static __attribute__((noinline)) void name##_##suffix(const struct type *record,               \
                                                          const struct hwp_operands *operands)     \
    {                                                                                              \
        name##_by(record, operands, way);                                                          \
    }

/* name(record, operands) from name_by(record, operands, way), compiled for each way. */
#define HWP_VARIANTS(name, type)                                                                   \
    HWP_VARIANT(name, type, multiplier_per_channel, HWP_MULTIPLIER_PER_CHANNEL)                    \
    HWP_VARIANT(name, type, multiplier_per_tensor, HWP_MULTIPLIER_PER_TENSOR)                      \
    HWP_VARIANT(name, type, shift_per_channel, HWP_SHIFT_PER_CHANNEL)                              \
    HWP_VARIANT(name, type, shift_per_tensor, HWP_SHIFT_PER_TENSOR)                                \
    void name(const struct type *record, const struct hwp_operands *operands)                      \
    {                                                                                              \
        switch (HWP_WAY_OF(record)) {                                                              \
        case HWP_MULTIPLIER_PER_CHANNEL:                                                           \
            name##_multiplier_per_channel(record, operands);                                       \
            break;                                                                                 \
        case HWP_MULTIPLIER_PER_TENSOR:                                                            \
            name##_multiplier_per_tensor(record, operands);                                        \
            break;                                                                                 \
        case HWP_SHIFT_PER_CHANNEL:                                                                \
            name##_shift_per_channel(record, operands);                                            \
            break;                                                                                 \
        default:                                                                                   \
            name##_shift_per_tensor(record, operands);                                             \
            break;                                                                                 \
        }                                                                                          \
    }

#endif
