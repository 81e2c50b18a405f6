/* Fully connected: each output is one row of the matrix times the input. */
#include "kernels.h"
#include "kernels_shared/fixed_point_s8.h"

void hwp_fully_connected_s8(const struct hwp_fully_connected *record,
                            const struct hwp_operands *operands)
{
    const struct hwp_fully_connected rule = *record; /* copies that the int8 stores cannot alias */
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands);
    const int8_t *const input = operands->input;
    const int8_t *weights = operands->weights;
    int8_t *const output = operands->output;
    for (int32_t o = 0; o < rule.out_features; o++) {
        int32_t sum = stage.bias[o];
        for (int32_t i = 0; i < rule.in_features; i++) {
            sum += (input[i] + rule.input_offset) * weights[i];
        }
        output[o] = hwp_dense_output_s8(&stage, o, sum);
        weights += rule.in_features;
    }
}
