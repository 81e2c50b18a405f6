/* Fully connected: two rows of the matrix at a time, inputs widened once for both. */
#include "kernels.h"
#include "kernels_shared/output_stage_s8.h"
#include "simd_s8.h"

/* Elements of the input against one or two rows; the loop is shared by both through `rows`. */
HWP_INLINE void hwp_dot_rows(const struct hwp_fully_connected *record, const int8_t *input,
                             const int8_t *weights, int32_t rows, int32_t sums[2])
{
    const int32_t offsets = hwp_splat_s16x2(record->input_offset);
    const int8_t *row[2] = {weights, weights + record->in_features};
    for (int32_t blocks = record->in_features >> 2; blocks > 0; blocks--) {
        const int32_t bytes = hwp_load_s8x4(input);
        const int32_t even = hwp_add_even_s16x2(offsets, bytes);
        const int32_t odd = hwp_add_odd_s16x2(offsets, bytes);
        for (int32_t r = 0; r < rows; r++) {
            const int32_t weight = hwp_load_s8x4(row[r]);
            sums[r] = __smlad(odd, hwp_odd_s16x2(weight), sums[r]);
            sums[r] = __smlad(even, hwp_even_s16x2(weight), sums[r]);
            row[r] += 4;
        }
        input += 4;
    }
    for (int32_t rest = record->in_features & 3; rest > 0; rest--) {
        const int32_t value = *input++ + record->input_offset;
        for (int32_t r = 0; r < rows; r++) {
            sums[r] += value * *row[r]++;
        }
    }
}

HWP_INLINE void hwp_fully_connected_s8_by(const struct hwp_fully_connected *record,
                                          const struct hwp_operands *operands, enum hwp_way way)
{
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands, way);
    const int8_t *weights = operands->weights;
    int8_t *const output = operands->output;
    int32_t o = 0;
    for (; o <= record->out_features - 2; o += 2) {
        int32_t sums[2] = {hwp_bias_s8(&stage, o, way), hwp_bias_s8(&stage, o + 1, way)};
        hwp_dot_rows(record, operands->input, weights, 2, sums);
        output[o] = hwp_dense_output_s8(&stage, o, sums[0], way);
        output[o + 1] = hwp_dense_output_s8(&stage, o + 1, sums[1], way);
        weights += 2 * record->in_features;
    }
    if (o < record->out_features) {
        int32_t sums[2] = {hwp_bias_s8(&stage, o, way), 0};
        hwp_dot_rows(record, operands->input, weights, 1, sums);
        output[o] = hwp_dense_output_s8(&stage, o, sums[0], way);
    }
}

HWP_VARIANTS(hwp_fully_connected_s8, hwp_fully_connected)
