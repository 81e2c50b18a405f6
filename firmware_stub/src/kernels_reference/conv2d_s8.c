/*
 * Convolution as a loop nest: group, output channel, output pixel, tap, input channel. The order is
 * that of Glow's generic kernels (pytorch/glow, lib/Backends/CPU/libjit/libjit_conv.cpp), which
 * decides how often a large input passes through the cache.
 */
#include "kernels.h"
#include "kernels_shared/fixed_point_s8.h"

/* What one output channel of a convolution reads. */
struct hwp_filter {
    const int8_t *input;   /* first channel of the group in the first pixel */
    const int8_t *weights; /* kernel_h * kernel_w * depth */
    int32_t depth;         /* input channels of the group */
};

/* Sum over the taps inside the input; each tap is tested. */
HWP_INLINE int32_t hwp_sum_taps(const struct hwp_conv2d *rule, const struct hwp_filter *filter,
                                int32_t base_y, int32_t base_x)
{
    int32_t sum = 0;
    for (int32_t ky = 0; ky < rule->kernel_h; ky++) {
        for (int32_t kx = 0; kx < rule->kernel_w; kx++) {
            const int32_t y = base_y + ky;
            const int32_t x = base_x + kx;
            if (y < 0 || y >= rule->in_h || x < 0 || x >= rule->in_w) {
                continue;
            }
            const int8_t *pixel = filter->input + (y * rule->in_w + x) * rule->in_c;
            const int8_t *weights = filter->weights + (ky * rule->kernel_w + kx) * filter->depth;
            for (int32_t i = 0; i < filter->depth; i++) {
                sum += (pixel[i] + rule->input_offset) * weights[i];
            }
        }
    }
    return sum;
}

/* One output channel of all pixels. */
static void hwp_convolve_channel(const struct hwp_conv2d *record, const struct hwp_filter *given,
                                 const struct hwp_output_stage *rules, int32_t channel,
                                 int8_t *output)
{
    const struct hwp_conv2d rule = *record; /* copies that the int8 stores cannot alias */
    const struct hwp_filter filter = *given;
    const struct hwp_output_stage stage = *rules;
    for (int32_t out_y = 0; out_y < rule.out_h; out_y++) {
        const int32_t base_y = out_y * rule.stride_h - rule.pad_top;
        for (int32_t out_x = 0; out_x < rule.out_w; out_x++) {
            const int32_t base_x = out_x * rule.stride_w - rule.pad_left;
            const int32_t sum = hwp_sum_taps(&rule, &filter, base_y, base_x);
            output[(out_y * rule.out_w + out_x) * rule.out_c] =
                hwp_output_s8(&stage, channel, stage.bias[channel] + sum);
        }
    }
}

void hwp_conv2d_s8(const struct hwp_conv2d *record, const struct hwp_operands *operands)
{
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands);
    const int32_t channels = record->out_c / record->groups;
    struct hwp_filter filter = {.depth = record->in_c / record->groups};
    const int32_t filter_bytes = record->kernel_h * record->kernel_w * filter.depth;
    for (int32_t c = 0; c < record->out_c; c++) {
        filter.input = operands->input + c / channels * filter.depth;
        filter.weights = operands->weights + c * filter_bytes;
        hwp_convolve_channel(record, &filter, &stage, c, operands->output + c);
    }
}
