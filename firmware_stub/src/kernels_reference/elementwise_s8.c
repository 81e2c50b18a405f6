/* Operators that work element by element: add, sub, mul, requantise, lookup. */
#include "kernels.h"
#include "kernels_shared/fixed_point_s8.h"

HWP_INLINE void hwp_sum_s8(const struct hwp_add *record, const struct hwp_operands *operands,
                           int32_t sign)
{
    const struct hwp_add rule = *record; /* a copy that the int8 stores cannot alias */
    const int8_t *const input_1 = operands->input;
    const int8_t *const input_2 = operands->input_2;
    int8_t *const output = operands->output;
    for (int32_t i = 0; i < rule.size; i++) {
        const int32_t a = (input_1[i] + rule.input_1_offset) << rule.left_shift;
        const int32_t b = (input_2[i] + rule.input_2_offset) << rule.left_shift;
        const int32_t sum = hwp_rescale(a, rule.input_1_multiplier, rule.input_1_shift) +
                            sign * hwp_rescale(b, rule.input_2_multiplier, rule.input_2_shift);
        const int32_t scaled = hwp_rescale(sum, rule.output_multiplier, rule.output_shift);
        output[i] = (int8_t)hwp_clamp_s32(scaled + rule.output_offset, rule.activation_min,
                                          rule.activation_max);
    }
}

void hwp_add_s8(const struct hwp_add *record, const struct hwp_operands *operands)
{
    hwp_sum_s8(record, operands, 1);
}

void hwp_sub_s8(const struct hwp_sub *record, const struct hwp_operands *operands)
{
    struct hwp_add rule; /* the same words: record_rules.c asserts their number */
    __builtin_memcpy(&rule, record, sizeof rule);
    hwp_sum_s8(&rule, operands, -1);
}

void hwp_mul_s8(const struct hwp_mul *record, const struct hwp_operands *operands)
{
    const struct hwp_mul rule = *record;
    const int8_t *const input_1 = operands->input;
    const int8_t *const input_2 = operands->input_2;
    int8_t *const output = operands->output;
    for (int32_t i = 0; i < rule.size; i++) {
        const int32_t product =
            (input_1[i] + rule.input_1_offset) * (input_2[i] + rule.input_2_offset);
        const int32_t scaled = hwp_rescale(product, rule.output_multiplier, rule.output_shift);
        output[i] = (int8_t)hwp_clamp_s32(scaled + rule.output_offset, rule.activation_min,
                                          rule.activation_max);
    }
}

void hwp_requantise_s8(const struct hwp_requantise *record, const struct hwp_operands *operands)
{
    const struct hwp_requantise rule = *record;
    const int8_t *const input = operands->input;
    int8_t *const output = operands->output;
    for (int32_t i = 0; i < rule.size; i++) {
        const int32_t scaled =
            hwp_rescale(input[i] + rule.input_offset, rule.multiplier, rule.shift);
        output[i] = (int8_t)hwp_clamp_s32(scaled + rule.output_offset, INT8_MIN, INT8_MAX);
    }
}

void hwp_lookup_s8(const struct hwp_lookup *record, const struct hwp_operands *operands)
{
    const int32_t size = record->size;
    const int8_t *const input = operands->input;
    const int8_t *const table = operands->table;
    int8_t *const output = operands->output;
    for (int32_t i = 0; i < size; i++) {
        output[i] = table[input[i] + 128];
    }
}
