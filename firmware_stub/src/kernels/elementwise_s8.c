/* Operators that work element by element: add, sub, mul, requantise, lookup. */
#include "kernels.h"
#include "simd_s8.h"

/* Four elements plus an offset, unpacked; the byte order of a word is 0 = lowest. */
HWP_INLINE void hwp_unpack_s8x4(const int8_t *source, int32_t offsets, int32_t values[4])
{
    const int32_t bytes = hwp_load_s8x4(source);
    const int32_t even = hwp_add_even_s16x2(offsets, bytes);
    const int32_t odd = hwp_add_odd_s16x2(offsets, bytes);
    values[0] = (int16_t)even;
    values[1] = (int16_t)odd;
    values[2] = even >> 16;
    values[3] = odd >> 16;
}

HWP_INLINE int8_t hwp_add_pair(const struct hwp_add *rule, int32_t a, int32_t b, int32_t sign)
{
    const int32_t scaled_a =
        hwp_rescale(a << rule->left_shift, rule->input_1_multiplier, rule->input_1_shift);
    const int32_t scaled_b =
        hwp_rescale(b << rule->left_shift, rule->input_2_multiplier, rule->input_2_shift);
    const int32_t sum =
        hwp_rescale(scaled_a + sign * scaled_b, rule->output_multiplier, rule->output_shift);
    return (int8_t)hwp_clamp_s32(sum + rule->output_offset, rule->activation_min,
                                 rule->activation_max);
}

HWP_INLINE void hwp_sum_s8(const struct hwp_add *record, const struct hwp_operands *operands,
                           int32_t sign)
{
    const struct hwp_add rule = *record; /* a copy that the int8 stores cannot alias */
    const int32_t offsets_1 = hwp_splat_s16x2(rule.input_1_offset);
    const int32_t offsets_2 = hwp_splat_s16x2(rule.input_2_offset);
    const int8_t *input_1 = operands->input;
    const int8_t *input_2 = operands->input_2;
    int8_t *output = operands->output;
    for (int32_t blocks = rule.size >> 2; blocks > 0; blocks--) {
        int32_t a[4];
        int32_t b[4];
        hwp_unpack_s8x4(input_1, offsets_1, a);
        hwp_unpack_s8x4(input_2, offsets_2, b);
        for (int32_t i = 0; i < 4; i++) {
            output[i] = hwp_add_pair(&rule, a[i], b[i], sign);
        }
        input_1 += 4;
        input_2 += 4;
        output += 4;
    }
    for (int32_t rest = rule.size & 3; rest > 0; rest--) {
        const int32_t a = *input_1++ + rule.input_1_offset;
        *output++ = hwp_add_pair(&rule, a, *input_2++ + rule.input_2_offset, sign);
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

HWP_INLINE int8_t hwp_mul_pair(const struct hwp_mul *rule, int32_t a, int32_t b)
{
    const int32_t product = hwp_rescale(a * b, rule->output_multiplier, rule->output_shift);
    return (int8_t)hwp_clamp_s32(product + rule->output_offset, rule->activation_min,
                                 rule->activation_max);
}

void hwp_mul_s8(const struct hwp_mul *record, const struct hwp_operands *operands)
{
    const struct hwp_mul rule = *record;
    const int32_t offsets_1 = hwp_splat_s16x2(rule.input_1_offset);
    const int32_t offsets_2 = hwp_splat_s16x2(rule.input_2_offset);
    const int8_t *input_1 = operands->input;
    const int8_t *input_2 = operands->input_2;
    int8_t *output = operands->output;
    for (int32_t blocks = rule.size >> 2; blocks > 0; blocks--) {
        int32_t a[4];
        int32_t b[4];
        hwp_unpack_s8x4(input_1, offsets_1, a);
        hwp_unpack_s8x4(input_2, offsets_2, b);
        for (int32_t i = 0; i < 4; i++) {
            output[i] = hwp_mul_pair(&rule, a[i], b[i]);
        }
        input_1 += 4;
        input_2 += 4;
        output += 4;
    }
    for (int32_t rest = rule.size & 3; rest > 0; rest--) {
        const int32_t a = *input_1++ + rule.input_1_offset;
        *output++ = hwp_mul_pair(&rule, a, *input_2++ + rule.input_2_offset);
    }
}

HWP_INLINE int8_t hwp_requantise_one(const struct hwp_requantise *rule, int32_t value)
{
    const int32_t scaled = hwp_rescale(value, rule->multiplier, rule->shift);
    return (int8_t)hwp_clamp_s32(scaled + rule->output_offset, INT8_MIN, INT8_MAX);
}

void hwp_requantise_s8(const struct hwp_requantise *record, const struct hwp_operands *operands)
{
    const struct hwp_requantise rule = *record;
    const int32_t offsets = hwp_splat_s16x2(rule.input_offset);
    const int8_t *input = operands->input;
    int8_t *output = operands->output;
    for (int32_t blocks = rule.size >> 2; blocks > 0; blocks--) {
        int32_t values[4];
        hwp_unpack_s8x4(input, offsets, values);
        for (int32_t i = 0; i < 4; i++) {
            output[i] = hwp_requantise_one(&rule, values[i]);
        }
        input += 4;
        output += 4;
    }
    for (int32_t rest = rule.size & 3; rest > 0; rest--) {
        *output++ = hwp_requantise_one(&rule, *input++ + rule.input_offset);
    }
}

void hwp_lookup_s8(const struct hwp_lookup *record, const struct hwp_operands *operands)
{
    const int8_t *const centre = operands->table + 128; /* the entry of input 0 */
    const int8_t *input = operands->input;
    int8_t *output = operands->output;
    for (int32_t blocks = record->size >> 2; blocks > 0; blocks--) {
        const int32_t bytes = hwp_load_s8x4(input);
        output[0] = centre[(int8_t)bytes];
        output[1] = centre[(int8_t)(bytes >> 8)];
        output[2] = centre[(int8_t)(bytes >> 16)];
        output[3] = centre[bytes >> 24];
        input += 4;
        output += 4;
    }
    for (int32_t rest = record->size & 3; rest > 0; rest--) {
        *output++ = centre[*input++];
    }
}
