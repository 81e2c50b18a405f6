/* Average and maximum pooling and the mean of a map: window by window, channel by channel. */
#include "kernels.h"
#include "kernels_shared/fixed_point_s8.h"

/* The part of a window that lies inside the input. */
struct hwp_inside {
    int32_t first_y;
    int32_t end_y;
    int32_t first_x;
    int32_t end_x;
};

/* Both pooling records open with the same fields; the macro serves both types. */
#define HWP_INSIDE(rule, out_y, out_x)                                                             \
    {                                                                                              \
        .first_y = hwp_max_s32((out_y) * (rule)->stride_h - (rule)->pad_top, 0),                   \
        .end_y = hwp_min_s32((out_y) * (rule)->stride_h - (rule)->pad_top + (rule)->kernel_h,      \
                             (rule)->in_h),                                                        \
        .first_x = hwp_max_s32((out_x) * (rule)->stride_w - (rule)->pad_left, 0),                  \
        .end_x = hwp_min_s32((out_x) * (rule)->stride_w - (rule)->pad_left + (rule)->kernel_w,     \
                             (rule)->in_w),                                                        \
    }

static int32_t hwp_average(const struct hwp_average_pool *rule, const struct hwp_inside *window,
                           const int8_t *channel)
{
    const int32_t inside = (window->end_y - window->first_y) * (window->end_x - window->first_x);
    const int32_t count = rule->count_include_pad ? rule->kernel_h * rule->kernel_w : inside;
    int32_t sum = (count - inside) * rule->zero_point;
    for (int32_t y = window->first_y; y < window->end_y; y++) {
        for (int32_t x = window->first_x; x < window->end_x; x++) {
            sum += channel[(y * rule->in_w + x) * rule->in_c];
        }
    }
    const int32_t half = count >> 1; /* halves away from zero */
    return (sum < 0 ? sum - half : sum + half) / count;
}

void hwp_average_pool_s8(const struct hwp_average_pool *record,
                         const struct hwp_operands *operands)
{
    const struct hwp_average_pool rule = *record; /* a copy that the int8 stores cannot alias */
    int8_t *output = operands->output;
    for (int32_t out_y = 0; out_y < rule.out_h; out_y++) {
        for (int32_t out_x = 0; out_x < rule.out_w; out_x++) {
            const struct hwp_inside window = HWP_INSIDE(&rule, out_y, out_x);
            for (int32_t c = 0; c < rule.out_c; c++) {
                const int32_t mean = hwp_average(&rule, &window, operands->input + c);
                *output++ = (int8_t)hwp_clamp_s32(mean, rule.activation_min, rule.activation_max);
            }
        }
    }
}

void hwp_mean_s8(const struct hwp_mean *record, const struct hwp_operands *operands)
{
    const struct hwp_mean rule = *record;
    int8_t *const output = operands->output;
    for (int32_t c = 0; c < rule.channels; c++) {
        int32_t sum = 0;
        for (int32_t i = 0; i < rule.pixels; i++) {
            sum += operands->input[i * rule.channels + c] + rule.input_offset;
        }
        const int32_t mean = hwp_rescale(sum, rule.multiplier, rule.shift);
        output[c] = (int8_t)hwp_clamp_s32(mean + rule.output_offset, INT8_MIN, INT8_MAX);
    }
}

static int32_t hwp_maximum(const struct hwp_max_pool *rule, const struct hwp_inside *window,
                           const int8_t *channel)
{
    int32_t largest = INT8_MIN;
    for (int32_t y = window->first_y; y < window->end_y; y++) {
        for (int32_t x = window->first_x; x < window->end_x; x++) {
            largest = hwp_max_s32(largest, channel[(y * rule->in_w + x) * rule->in_c]);
        }
    }
    return largest;
}

void hwp_max_pool_s8(const struct hwp_max_pool *record, const struct hwp_operands *operands)
{
    const struct hwp_max_pool rule = *record;
    int8_t *output = operands->output;
    for (int32_t out_y = 0; out_y < rule.out_h; out_y++) {
        for (int32_t out_x = 0; out_x < rule.out_w; out_x++) {
            const struct hwp_inside window = HWP_INSIDE(&rule, out_y, out_x);
            for (int32_t c = 0; c < rule.out_c; c++) {
                const int32_t largest = hwp_maximum(&rule, &window, operands->input + c);
                *output++ =
                    (int8_t)hwp_clamp_s32(largest, rule.activation_min, rule.activation_max);
            }
        }
    }
}
