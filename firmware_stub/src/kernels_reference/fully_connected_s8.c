/* Fully connected: each output is one row of the matrix times the input. */
#include "kernels.h"
#include "offsets.h"

HWP_INLINE void hwp_fully_connected_s8_with(const struct hwp_fully_connected *record,
                                            const struct hwp_operands *operands, enum hwp_way way,
                                            enum hwp_offsets offsets)
{
    const struct hwp_fully_connected rule = *record; /* copies that the int8 stores cannot alias */
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands, way);
    const int8_t *const input = operands->input;
    const int8_t *weights = operands->weights;
    int8_t *const output = operands->output;
    for (int32_t o = 0; o < rule.out_features; o++) {
        int32_t sum = hwp_bias_s8(&stage, o, way);
        const int32_t zero_point = hwp_zero_point_s8(operands->weight_zero_point,
                                                     hwp_per_channel(way) ? o : 0, offsets);
        for (int32_t i = 0; i < rule.in_features; i++) {
            sum += hwp_input_s8(input[i], rule.input_offset, offsets) * (weights[i] - zero_point);
        }
        output[o] = hwp_dense_output_s8(&stage, o, sum, way);
        weights += rule.in_features;
    }
}

HWP_OFFSET_VARIANTS(hwp_fully_connected_s8, hwp_fully_connected)
