/* Depthwise convolution: choice of the variant, the buffered and the generic one. */
#include "kernels_shared/output_stage_s8.h"
#include "variants.h"
#include "simd_s8.h"

void hwp_depthwise_s8(const struct hwp_depthwise *record, const struct hwp_operands *operands)
{
    if (record->out_c != record->in_c) {
        hwp_depthwise_generic_s8(record, operands);
    } else if (record->kernel_h == 3 && record->kernel_w == 3 && record->pad_top <= 1 &&
               record->pad_left <= 1) {
        hwp_depthwise_3x3_s8(record, operands);
    } else {
        hwp_depthwise_buffered_s8(record, operands);
    }
}

static int16_t *hwp_zero_s16(int16_t *column, int32_t count)
{
    for (int32_t pairs = count >> 1; pairs > 0; pairs--) {
        hwp_store_s16x2(column, 0);
        column += 2;
    }
    if (count & 1) {
        *column++ = 0;
    }
    return column;
}

/* Widens one pixel in its own order: here channels are columns, nothing is summed over them. */
static int16_t *hwp_widen_pixel(const int8_t *pixel, int16_t *column, int32_t channels,
                                int32_t offset)
{
    const int32_t offsets = hwp_splat_s16x2(offset);
    for (int32_t blocks = channels >> 2; blocks > 0; blocks--) {
        const int32_t bytes = hwp_load_s8x4(pixel);
        const int32_t even = hwp_add_even_s16x2(offsets, bytes);
        const int32_t odd = hwp_add_odd_s16x2(offsets, bytes);
        hwp_store_s16x2(column, hwp_pack_low_s16x2(even, odd));
        hwp_store_s16x2(column + 2, hwp_pack_high_s16x2(even, odd));
        pixel += 4;
        column += 4;
    }
    for (int32_t rest = channels & 3; rest > 0; rest--) {
        *column++ = (int16_t)(*pixel++ + offset);
    }
    return column;
}

/* Kernel rows above and below the input are cleared whole; at the sides pixel by pixel. */
static void hwp_fill_taps(const struct hwp_depthwise *record, const int8_t *input,
                            int32_t base_y, int32_t base_x, int16_t *column)
{
    const int32_t channels = record->in_c;
    const int32_t first_y = hwp_clamp_s32(-base_y, 0, record->kernel_h);
    const int32_t end_y = hwp_clamp_s32(record->in_h - base_y, first_y, record->kernel_h);
    const int32_t row = record->kernel_w * channels;
    column = hwp_zero_s16(column, first_y * row);
    for (int32_t y = base_y + first_y; y < base_y + end_y; y++) {
        for (int32_t x = base_x; x < base_x + record->kernel_w; x++) {
            if (x < 0 || x >= record->in_w) {
                column = hwp_zero_s16(column, channels);
            } else {
                column = hwp_widen_pixel(input + (y * record->in_w + x) * channels, column,
                                         channels, record->input_offset);
            }
        }
    }
    hwp_zero_s16(column, (record->kernel_h - end_y) * row);
}

/*
 * Two taps of four channels. A SMLAD sums the products of one channel over two taps, so taps and
 * weights of the same channel are packed into pairs first.
 */
HWP_INLINE void hwp_two_taps_s8x4(const int16_t *column, const int8_t *weights, int32_t channels,
                                  int32_t sums[4])
{
    const int32_t bytes_0 = hwp_load_s8x4(weights);
    const int32_t bytes_1 = hwp_load_s8x4(weights + channels);
    const int32_t even_0 = hwp_even_s16x2(bytes_0);
    const int32_t odd_0 = hwp_odd_s16x2(bytes_0);
    const int32_t even_1 = hwp_even_s16x2(bytes_1);
    const int32_t odd_1 = hwp_odd_s16x2(bytes_1);
    int32_t pair_0 = hwp_load_s16x2(column);
    int32_t pair_1 = hwp_load_s16x2(column + channels);
    sums[0] = __smlad(hwp_pack_low_s16x2(pair_0, pair_1), hwp_pack_low_s16x2(even_0, even_1),
                      sums[0]);
    sums[1] = __smlad(hwp_pack_high_s16x2(pair_0, pair_1), hwp_pack_low_s16x2(odd_0, odd_1),
                      sums[1]);
    pair_0 = hwp_load_s16x2(column + 2);
    pair_1 = hwp_load_s16x2(column + channels + 2);
    sums[2] = __smlad(hwp_pack_low_s16x2(pair_0, pair_1), hwp_pack_high_s16x2(even_0, even_1),
                      sums[2]);
    sums[3] = __smlad(hwp_pack_high_s16x2(pair_0, pair_1), hwp_pack_high_s16x2(odd_0, odd_1),
                      sums[3]);
}

HWP_INLINE void hwp_four_channels(const int16_t *column, const int8_t *weights, int32_t channels,
                                  int32_t taps, int32_t sums[4])
{
    for (int32_t pairs = taps >> 1; pairs > 0; pairs--) {
        hwp_two_taps_s8x4(column, weights, channels, sums);
        column += 2 * channels;
        weights += 2 * channels;
    }
    if (taps & 1) {
        for (int32_t i = 0; i < 4; i++) {
            sums[i] += column[i] * weights[i];
        }
    }
}

HWP_INLINE void hwp_multiply_taps(const struct hwp_depthwise *record, const int8_t *weights,
                                  const int16_t *column, const struct hwp_output_stage *given,
                                  int8_t *output, enum hwp_way way)
{
    const struct hwp_output_stage stage = *given; /* a copy that the int8 stores cannot alias */
    const int32_t channels = record->in_c;
    const int32_t taps = record->kernel_h * record->kernel_w;
    int32_t c = 0;
    for (; c <= channels - 4; c += 4) {
        int32_t sums[4];
        for (int32_t i = 0; i < 4; i++) {
            sums[i] = hwp_bias_s8(&stage, c + i, way);
        }
        hwp_four_channels(column + c, weights + c, channels, taps, sums);
        for (int32_t i = 0; i < 4; i++) {
            output[c + i] = hwp_output_s8(&stage, c + i, sums[i], way);
        }
    }
    for (; c < channels; c++) {
        int32_t sum = hwp_bias_s8(&stage, c, way);
        for (int32_t i = c; i < taps * channels; i += channels) {
            sum += column[i] * weights[i];
        }
        output[c] = hwp_output_s8(&stage, c, sum, way);
    }
}

HWP_INLINE void hwp_depthwise_buffered_s8_by(const struct hwp_depthwise *record,
                                             const struct hwp_operands *operands,
                                             enum hwp_way way)
{
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands, way);
    int16_t *const column = operands->scratch;
    int8_t *output = operands->output;
    for (int32_t out_y = 0; out_y < record->out_h; out_y++) {
        const int32_t base_y = out_y * record->stride_h - record->pad_top;
        for (int32_t out_x = 0; out_x < record->out_w; out_x++) {
            const int32_t base_x = out_x * record->stride_w - record->pad_left;
            hwp_fill_taps(record, operands->input, base_y, base_x, column);
            hwp_multiply_taps(record, operands->weights, column, &stage, output, way);
            output += record->out_c;
        }
    }
}

HWP_VARIANTS(hwp_depthwise_buffered_s8, hwp_depthwise)

/* Sum over the taps inside the input of one input channel against one output channel. */
static int32_t hwp_generic_sum(const struct hwp_depthwise *record,
                               const struct hwp_operands *operands, int32_t base_y, int32_t base_x,
                               int32_t channel)
{
    const int32_t in_channel = channel / (record->out_c / record->in_c);
    int32_t sum = 0;
    for (int32_t y = hwp_max_s32(0, -base_y);
         y < hwp_min_s32(record->kernel_h, record->in_h - base_y); y++) {
        for (int32_t x = hwp_max_s32(0, -base_x);
             x < hwp_min_s32(record->kernel_w, record->in_w - base_x); x++) {
            const int32_t pixel = (base_y + y) * record->in_w + base_x + x;
            const int32_t tap = y * record->kernel_w + x;
            sum += (operands->input[pixel * record->in_c + in_channel] + record->input_offset) *
                   operands->weights[tap * record->out_c + channel];
        }
    }
    return sum;
}

HWP_INLINE void hwp_depthwise_generic_s8_by(const struct hwp_depthwise *record,
                                            const struct hwp_operands *operands, enum hwp_way way)
{
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands, way);
    int8_t *output = operands->output;
    for (int32_t out_y = 0; out_y < record->out_h; out_y++) {
        const int32_t base_y = out_y * record->stride_h - record->pad_top;
        for (int32_t out_x = 0; out_x < record->out_w; out_x++) {
            const int32_t base_x = out_x * record->stride_w - record->pad_left;
            for (int32_t c = 0; c < record->out_c; c++) {
                const int32_t sum = hwp_bias_s8(&stage, c, way) +
                                    hwp_generic_sum(record, operands, base_y, base_x, c);
                *output++ = hwp_output_s8(&stage, c, sum, way);
            }
        }
    }
}

HWP_VARIANTS(hwp_depthwise_generic_s8, hwp_depthwise)
