/* Average and maximum pooling and the mean of a map: all channels of a pixel at a time. */
#include "kernels.h"
#include "simd_s8.h"

/* The part of a window that lies inside the input. */
struct hwp_window {
    const int8_t *input; /* channel 0 of the first pixel inside */
    int32_t rows;
    int32_t columns;
};

/* Both pooling records open with the same fields; the macro serves both types. */
#define HWP_WINDOW(record, operands, out_y, out_x, window)                                         \
    do {                                                                                           \
        const int32_t top = (out_y) * (record)->stride_h - (record)->pad_top;                      \
        const int32_t left = (out_x) * (record)->stride_w - (record)->pad_left;                    \
        const int32_t first_y = hwp_max_s32(top, 0);                                               \
        const int32_t first_x = hwp_max_s32(left, 0);                                              \
        (window)->rows = hwp_min_s32(top + (record)->kernel_h, (record)->in_h) - first_y;          \
        (window)->columns = hwp_min_s32(left + (record)->kernel_w, (record)->in_w) - first_x;      \
        (window)->input =                                                                          \
            (operands)->input + (first_y * (record)->in_w + first_x) * (record)->in_c;             \
    } while (0)

static void hwp_clear_s32(int32_t *sums, int32_t count)
{
    for (; count > 0; count--) {
        *sums++ = 0;
    }
}

static void hwp_accumulate_pixel(const int8_t *pixel, int32_t *sums, int32_t channels)
{
    for (int32_t blocks = channels >> 2; blocks > 0; blocks--) {
        const int32_t bytes = hwp_load_s8x4(pixel);
        const int32_t even = hwp_even_s16x2(bytes);
        const int32_t odd = hwp_odd_s16x2(bytes);
        sums[0] += (int16_t)even;
        sums[1] += (int16_t)odd;
        sums[2] += even >> 16;
        sums[3] += odd >> 16;
        pixel += 4;
        sums += 4;
    }
    for (int32_t rest = channels & 3; rest > 0; rest--) {
        *sums++ += *pixel++;
    }
}

/* sum / count, halves away from zero. */
HWP_INLINE int32_t hwp_round_divide(int32_t sum, int32_t count)
{
    const int32_t half = count >> 1;
    return (sum < 0 ? sum - half : sum + half) / count;
}

static void hwp_average_window(const struct hwp_average_pool *record,
                               const struct hwp_window *window, int32_t *sums, int8_t *output)
{
    const int32_t channels = record->in_c;
    const int32_t inside = window->rows * window->columns;
    const int32_t whole = record->kernel_h * record->kernel_w;
    const int32_t count = record->count_include_pad ? whole : inside;
    const int32_t padding = (count - inside) * record->zero_point;
    const int32_t low = record->activation_min;
    const int32_t high = record->activation_max;
    hwp_clear_s32(sums, channels);
    for (int32_t y = 0; y < window->rows; y++) {
        const int8_t *pixel = window->input + y * record->in_w * channels;
        for (int32_t x = 0; x < window->columns; x++) {
            hwp_accumulate_pixel(pixel, sums, channels);
            pixel += channels;
        }
    }
    for (int32_t c = 0; c < channels; c++) {
        const int32_t mean = hwp_round_divide(sums[c] + padding, count);
        output[c] = (int8_t)hwp_clamp_s32(mean, low, high);
    }
}

void hwp_average_pool_s8(const struct hwp_average_pool *record,
                         const struct hwp_operands *operands)
{
    int8_t *output = operands->output;
    for (int32_t out_y = 0; out_y < record->out_h; out_y++) {
        for (int32_t out_x = 0; out_x < record->out_w; out_x++) {
            struct hwp_window window;
            HWP_WINDOW(record, operands, out_y, out_x, &window);
            hwp_average_window(record, &window, operands->scratch, output);
            output += record->out_c;
        }
    }
}

void hwp_mean_s8(const struct hwp_mean *record, const struct hwp_operands *operands)
{
    const struct hwp_mean rule = *record; /* a copy that the int8 stores cannot alias */
    const int32_t offsets = rule.pixels * rule.input_offset;
    int32_t *sums = operands->scratch;
    const int8_t *pixel = operands->input;
    hwp_clear_s32(sums, rule.channels);
    for (int32_t pixels = rule.pixels; pixels > 0; pixels--) {
        hwp_accumulate_pixel(pixel, sums, rule.channels);
        pixel += rule.channels;
    }
    for (int32_t c = 0; c < rule.channels; c++) {
        const int32_t mean = hwp_rescale(sums[c] + offsets, rule.multiplier, rule.shift);
        operands->output[c] =
            (int8_t)hwp_clamp_s32(mean + rule.output_offset, INT8_MIN, INT8_MAX);
    }
}

/* best = max(best, pixel); SSUB8 sets a GE flag for each byte, SEL picks by them. */
static void hwp_raise_pixel(int8_t *best, const int8_t *pixel, int32_t channels)
{
    for (int32_t blocks = channels >> 2; blocks > 0; blocks--) {
        const int32_t old = hwp_load_s8x4(best);
        const int32_t new = hwp_load_s8x4(pixel);
        (void)__ssub8(old, new);
        const uint8x4_t larger = __sel((uint8x4_t)old, (uint8x4_t)new);
        __builtin_memcpy(best, &larger, sizeof larger);
        best += 4;
        pixel += 4;
    }
    for (int32_t rest = channels & 3; rest > 0; rest--) {
        *best = (int8_t)hwp_max_s32(*best, *pixel++);
        best++;
    }
}

static void hwp_clamp_pixel(const struct hwp_max_pool *record, int8_t *pixel)
{
    const int32_t low = record->activation_min;
    const int32_t high = record->activation_max;
    if (low == INT8_MIN && high == INT8_MAX) {
        return;
    }
    for (int32_t c = record->out_c; c > 0; c--) {
        *pixel = (int8_t)hwp_clamp_s32(*pixel, low, high);
        pixel++;
    }
}

static void hwp_max_window(const struct hwp_max_pool *record, const struct hwp_window *window,
                           int8_t *output)
{
    const int32_t channels = record->in_c;
    hwp_copy_s8(output, window->input, channels);
    for (int32_t y = 0; y < window->rows; y++) {
        const int8_t *pixel = window->input + y * record->in_w * channels;
        for (int32_t x = 0; x < window->columns; x++) {
            hwp_raise_pixel(output, pixel, channels);
            pixel += channels;
        }
    }
    hwp_clamp_pixel(record, output);
}

void hwp_max_pool_s8(const struct hwp_max_pool *record, const struct hwp_operands *operands)
{
    int8_t *output = operands->output;
    for (int32_t out_y = 0; out_y < record->out_h; out_y++) {
        for (int32_t out_x = 0; out_x < record->out_w; out_x++) {
            struct hwp_window window;
            HWP_WINDOW(record, operands, out_y, out_x, &window);
            hwp_max_window(record, &window, output);
            output += record->out_c;
        }
    }
}
