/*
 * 1x1 convolution without padding: a matrix multiplication whose rows are pixels, straight from
 * the int8 input. Both operands are unpacked on the fly; the input offset, the same for all
 * elements, leaves the inner loop as offset * (sum of the channel's weights).
 */
#include "kernels_shared/output_stage_s8.h"
#include "variants.h"
#include "simd_s8.h"

/* A run of pixels and the layer they belong to. */
struct hwp_pixels {
    const int8_t *input;
    int8_t *output;
    int32_t count;
    int32_t step; /* bytes from one input pixel to the next */
    int32_t in_c;
    int32_t out_c;
    int32_t input_offset;
};

/* Where a 2x2 block stands: two pixels and two channels' weights. */
struct hwp_cursor {
    const int8_t *pixel_0;
    const int8_t *pixel_1;
    const int8_t *row_0;
    const int8_t *row_1;
};

/* Elements i .. i + 3 of two pixels by two channels; sums[pixel][channel]. */
HWP_INLINE void hwp_step_pixels_2x2(const struct hwp_cursor *at, int32_t i, int32_t sums[2][2])
{
    const int32_t weight_0 = hwp_load_s8x4(at->row_0 + i);
    const int32_t weight_1 = hwp_load_s8x4(at->row_1 + i);
    const int32_t even_0 = hwp_even_s16x2(weight_0);
    const int32_t odd_0 = hwp_odd_s16x2(weight_0);
    const int32_t even_1 = hwp_even_s16x2(weight_1);
    const int32_t odd_1 = hwp_odd_s16x2(weight_1);
    int32_t bytes = hwp_load_s8x4(at->pixel_0 + i);
    int32_t even = hwp_even_s16x2(bytes);
    int32_t odd = hwp_odd_s16x2(bytes);
    sums[0][0] = __smlad(even, even_0, sums[0][0]);
    sums[0][1] = __smlad(even, even_1, sums[0][1]);
    sums[0][0] = __smlad(odd, odd_0, sums[0][0]);
    sums[0][1] = __smlad(odd, odd_1, sums[0][1]);
    bytes = hwp_load_s8x4(at->pixel_1 + i);
    even = hwp_even_s16x2(bytes);
    odd = hwp_odd_s16x2(bytes);
    sums[1][0] = __smlad(even, even_0, sums[1][0]);
    sums[1][1] = __smlad(even, even_1, sums[1][1]);
    sums[1][0] = __smlad(odd, odd_0, sums[1][0]);
    sums[1][1] = __smlad(odd, odd_1, sums[1][1]);
}

HWP_INLINE void hwp_advance(struct hwp_cursor *at, int32_t elements)
{
    at->pixel_0 += elements;
    at->pixel_1 += elements;
    at->row_0 += elements;
    at->row_1 += elements;
}

HWP_INLINE void hwp_dot_pixels_2x2(struct hwp_cursor at, int32_t in_c, int32_t sums[2][2])
{
    for (int32_t blocks = in_c >> 4; blocks > 0; blocks--) {
        hwp_step_pixels_2x2(&at, 0, sums);
        hwp_step_pixels_2x2(&at, 4, sums);
        hwp_step_pixels_2x2(&at, 8, sums);
        hwp_step_pixels_2x2(&at, 12, sums);
        hwp_advance(&at, 16);
    }
    for (int32_t blocks = (in_c >> 2) & 3; blocks > 0; blocks--) {
        hwp_step_pixels_2x2(&at, 0, sums);
        hwp_advance(&at, 4);
    }
    for (int32_t rest = in_c & 3; rest > 0; rest--) {
        sums[0][0] += *at.pixel_0 * *at.row_0;
        sums[0][1] += *at.pixel_0 * *at.row_1;
        sums[1][0] += *at.pixel_1 * *at.row_0;
        sums[1][1] += *at.pixel_1 * *at.row_1;
        hwp_advance(&at, 1);
    }
}

HWP_INLINE int32_t hwp_dot_pixel(const int8_t *input, const int8_t *weights, int32_t in_c,
                                 int32_t sum)
{
    int32_t left = in_c;
    for (; left >= 4; left -= 4) {
        const int32_t bytes = hwp_load_s8x4(input);
        const int32_t weight = hwp_load_s8x4(weights);
        sum = __smlad(hwp_even_s16x2(bytes), hwp_even_s16x2(weight), sum);
        sum = __smlad(hwp_odd_s16x2(bytes), hwp_odd_s16x2(weight), sum);
        input += 4;
        weights += 4;
    }
    for (; left > 0; left--) {
        sum += *input++ * *weights++;
    }
    return sum;
}

static int32_t hwp_sum_s8(const int8_t *values, int32_t count)
{
    int32_t sum = 0;
    for (; count > 0; count--) {
        sum += *values++;
    }
    return sum;
}

/* Two channels of all pixels. */
HWP_INLINE void hwp_multiply_two_channels(const struct hwp_pixels *pixels, const int8_t *weights,
                                          const struct hwp_output_stage *given, int32_t c,
                                          enum hwp_way way)
{
    const struct hwp_output_stage stage = *given; /* a copy that the int8 stores cannot alias */
    const int32_t in_c = pixels->in_c;
    const int32_t out_c = pixels->out_c;
    const int32_t start_0 = hwp_bias_s8(&stage, c, way) + pixels->input_offset * hwp_sum_s8(weights, in_c);
    const int32_t start_1 =
        hwp_bias_s8(&stage, c + 1, way) + pixels->input_offset * hwp_sum_s8(weights + in_c, in_c);
    const int8_t *input = pixels->input;
    int8_t *output = pixels->output + c;
    for (int32_t pairs = pixels->count >> 1; pairs > 0; pairs--) {
        int32_t sums[2][2] = {{start_0, start_1}, {start_0, start_1}};
        const struct hwp_cursor at = {input, input + pixels->step, weights, weights + in_c};
        hwp_dot_pixels_2x2(at, in_c, sums);
        output[0] = hwp_output_s8(&stage, c, sums[0][0], way);
        output[1] = hwp_output_s8(&stage, c + 1, sums[0][1], way);
        output[out_c] = hwp_output_s8(&stage, c, sums[1][0], way);
        output[out_c + 1] = hwp_output_s8(&stage, c + 1, sums[1][1], way);
        input += 2 * pixels->step;
        output += 2 * out_c;
    }
    if (pixels->count & 1) {
        output[0] = hwp_output_s8(&stage, c, hwp_dot_pixel(input, weights, in_c, start_0), way);
        output[1] =
            hwp_output_s8(&stage, c + 1, hwp_dot_pixel(input, weights + in_c, in_c, start_1), way);
    }
}

/* The channel that is left where their number is odd. */
HWP_INLINE void hwp_multiply_last_channel(const struct hwp_pixels *pixels, const int8_t *weights,
                                          const struct hwp_output_stage *given, int32_t c,
                                          enum hwp_way way)
{
    const struct hwp_output_stage stage = *given;
    const int32_t start =
        hwp_bias_s8(&stage, c, way) + pixels->input_offset * hwp_sum_s8(weights, pixels->in_c);
    const int8_t *input = pixels->input;
    int8_t *output = pixels->output + c;
    for (int32_t left = pixels->count; left > 0; left--) {
        *output = hwp_output_s8(&stage, c, hwp_dot_pixel(input, weights, pixels->in_c, start), way);
        input += pixels->step;
        output += pixels->out_c;
    }
}

HWP_INLINE void hwp_multiply_run(const struct hwp_pixels *pixels, const int8_t *weights,
                                 const struct hwp_output_stage *stage, enum hwp_way way)
{
    int32_t c = 0;
    for (; c <= pixels->out_c - 2; c += 2) {
        hwp_multiply_two_channels(pixels, weights + c * pixels->in_c, stage, c, way);
    }
    if (c < pixels->out_c) {
        hwp_multiply_last_channel(pixels, weights + c * pixels->in_c, stage, c, way);
    }
}

/* All pixels of a dense input are one run; a strided one has a run for each output row. */
HWP_INLINE void hwp_conv2d_1x1_s8_by(const struct hwp_conv2d *record,
                                     const struct hwp_operands *operands, enum hwp_way way)
{
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands, way);
    const bool dense = record->stride_h == 1 && record->stride_w == 1 &&
                       record->out_h == record->in_h && record->out_w == record->in_w;
    struct hwp_pixels run = {
        .input = operands->input,
        .output = operands->output,
        .count = dense ? record->out_h * record->out_w : record->out_w,
        .step = record->in_c * record->stride_w,
        .in_c = record->in_c,
        .out_c = record->out_c,
        .input_offset = record->input_offset,
    };
    for (int32_t runs = dense ? 1 : record->out_h; runs > 0; runs--) {
        hwp_multiply_run(&run, operands->weights, &stage, way);
        run.input += record->stride_h * record->in_w * record->in_c;
        run.output += record->out_w * record->out_c;
    }
}

HWP_VARIANTS(hwp_conv2d_1x1_s8, hwp_conv2d)
