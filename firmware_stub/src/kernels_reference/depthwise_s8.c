/* Depthwise convolution as a loop nest: output channel, output pixel, tap. */
#include "kernels.h"
#include "kernels_shared/fixed_point_s8.h"

/* Sum over the taps inside the input; each tap is tested. `input` and `weights` are a channel's. */
HWP_INLINE int32_t hwp_sum_taps(const struct hwp_depthwise *rule, const int8_t *input,
                                const int8_t *weights, int32_t base_y, int32_t base_x)
{
    int32_t sum = 0;
    for (int32_t ky = 0; ky < rule->kernel_h; ky++) {
        for (int32_t kx = 0; kx < rule->kernel_w; kx++) {
            const int32_t y = base_y + ky;
            const int32_t x = base_x + kx;
            if (y < 0 || y >= rule->in_h || x < 0 || x >= rule->in_w) {
                continue;
            }
            sum += (input[(y * rule->in_w + x) * rule->in_c] + rule->input_offset) *
                   weights[(ky * rule->kernel_w + kx) * rule->out_c];
        }
    }
    return sum;
}

/* One output channel of all pixels. */
static void hwp_convolve_channel(const struct hwp_depthwise *record,
                                 const struct hwp_operands *operands,
                                 const struct hwp_output_stage *rules, int32_t channel)
{
    const struct hwp_depthwise rule = *record; /* copies that the int8 stores cannot alias */
    const struct hwp_output_stage stage = *rules;
    const int8_t *const input = operands->input + channel / (rule.out_c / rule.in_c);
    const int8_t *const weights = operands->weights + channel;
    int8_t *const output = operands->output + channel;
    for (int32_t out_y = 0; out_y < rule.out_h; out_y++) {
        const int32_t base_y = out_y * rule.stride_h - rule.pad_top;
        for (int32_t out_x = 0; out_x < rule.out_w; out_x++) {
            const int32_t base_x = out_x * rule.stride_w - rule.pad_left;
            const int32_t sum = hwp_sum_taps(&rule, input, weights, base_y, base_x);
            output[(out_y * rule.out_w + out_x) * rule.out_c] =
                hwp_output_s8(&stage, channel, stage.bias[channel] + sum);
        }
    }
}

void hwp_depthwise_s8(const struct hwp_depthwise *record, const struct hwp_operands *operands)
{
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands);
    for (int32_t c = 0; c < record->out_c; c++) {
        hwp_convolve_channel(record, operands, &stage, c);
    }
}
