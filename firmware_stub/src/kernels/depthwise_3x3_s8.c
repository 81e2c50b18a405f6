/*
 * Depthwise 3x3 without a buffer: four channels at a time, straight from the int8 input. Taps
 * outside the input are skipped; as there is at most one column of padding on the left, only the
 * kernel's first column can lie outside there.
 */
#include "kernels_shared/output_stage_s8.h"
#include "variants.h"
#include "simd_s8.h"

/* The taps of one output pixel that lie inside the input, and the pixel's first channel. */
struct hwp_taps {
    const int8_t *input;   /* tap (first_y, 0), channel 0; columns outside are not read */
    const int8_t *weights; /* tap (first_y, 0), channel 0 */
    int32_t rows;
    int32_t first_x;
    int32_t end_x;
    int32_t row_bytes; /* of the input */
    int32_t channels;
    int32_t input_offset;
};

/* One tap of four channels: sums 0 and 2 from the even bytes, 1 and 3 from the odd ones. */
HWP_INLINE void hwp_tap_s8x4(const int8_t *input, const int8_t *weights, int32_t offsets,
                             int32_t sums[4])
{
    const int32_t bytes = hwp_load_s8x4(input);
    const int32_t weight = hwp_load_s8x4(weights);
    const int32_t odd = hwp_add_odd_s16x2(offsets, bytes);
    const int32_t weight_odd = hwp_odd_s16x2(weight);
    const int32_t even = hwp_add_even_s16x2(offsets, bytes);
    const int32_t weight_even = hwp_even_s16x2(weight);
    sums[1] = __smlabb(odd, weight_odd, sums[1]);
    sums[3] = __smlatt(odd, weight_odd, sums[3]);
    sums[0] = __smlabb(even, weight_even, sums[0]);
    sums[2] = __smlatt(even, weight_even, sums[2]);
}

HWP_INLINE void hwp_four_channels_3x3(const struct hwp_taps *taps, int32_t channel, int32_t sums[4])
{
    const int32_t offsets = hwp_splat_s16x2(taps->input_offset);
    const int32_t channels = taps->channels;
    const int8_t *input = taps->input + channel;
    const int8_t *weights = taps->weights + channel;
    for (int32_t rows = taps->rows; rows > 0; rows--) {
        if (taps->first_x == 0) {
            hwp_tap_s8x4(input, weights, offsets, sums);
        }
        if (taps->end_x > 1) {
            hwp_tap_s8x4(input + channels, weights + channels, offsets, sums);
        }
        if (taps->end_x > 2) {
            hwp_tap_s8x4(input + 2 * channels, weights + 2 * channels, offsets, sums);
        }
        input += taps->row_bytes;
        weights += 3 * channels;
    }
}

HWP_INLINE int32_t hwp_one_channel_3x3(const struct hwp_taps *taps, int32_t channel, int32_t sum)
{
    const int8_t *input = taps->input + channel;
    const int8_t *weights = taps->weights + channel;
    for (int32_t rows = taps->rows; rows > 0; rows--) {
        for (int32_t x = taps->first_x; x < taps->end_x; x++) {
            const int32_t i = x * taps->channels;
            sum += (input[i] + taps->input_offset) * weights[i];
        }
        input += taps->row_bytes;
        weights += 3 * taps->channels;
    }
    return sum;
}

HWP_INLINE void hwp_convolve_pixel_3x3(const struct hwp_taps *given,
                                       const struct hwp_output_stage *rules, int8_t *output,
                                       enum hwp_way way)
{
    const struct hwp_taps taps = *given; /* copies that the int8 stores cannot alias */
    const struct hwp_output_stage stage = *rules;
    int32_t c = 0;
    for (; c <= taps.channels - 4; c += 4) {
        int32_t sums[4];
        for (int32_t i = 0; i < 4; i++) {
            sums[i] = hwp_bias_s8(&stage, c + i, way);
        }
        hwp_four_channels_3x3(&taps, c, sums);
        for (int32_t i = 0; i < 4; i++) {
            output[c + i] = hwp_output_s8(&stage, c + i, sums[i], way);
        }
    }
    for (; c < taps.channels; c++) {
        const int32_t sum = hwp_one_channel_3x3(&taps, c, hwp_bias_s8(&stage, c, way));
        output[c] = hwp_output_s8(&stage, c, sum, way);
    }
}

HWP_INLINE void hwp_depthwise_3x3_s8_by(const struct hwp_depthwise *record,
                                        const struct hwp_operands *operands, enum hwp_way way)
{
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands, way);
    struct hwp_taps taps = {
        .row_bytes = record->in_w * record->in_c,
        .channels = record->in_c,
        .input_offset = record->input_offset,
    };
    int8_t *output = operands->output;
    for (int32_t out_y = 0; out_y < record->out_h; out_y++) {
        const int32_t base_y = out_y * record->stride_h - record->pad_top;
        const int32_t first_y = hwp_max_s32(0, -base_y);
        taps.rows = hwp_min_s32(3, record->in_h - base_y) - first_y;
        taps.weights = operands->weights + first_y * 3 * record->in_c;
        for (int32_t out_x = 0; out_x < record->out_w; out_x++) {
            const int32_t base_x = out_x * record->stride_w - record->pad_left;
            taps.first_x = base_x < record->in_w ? hwp_max_s32(0, -base_x) : 3;
            taps.end_x = hwp_min_s32(3, record->in_w - base_x);
            taps.input = operands->input + (base_y + first_y) * taps.row_bytes +
                         base_x * record->in_c;
            hwp_convolve_pixel_3x3(&taps, &stage, output, way);
            output += record->out_c;
        }
    }
}

HWP_VARIANTS(hwp_depthwise_3x3_s8, hwp_depthwise)
