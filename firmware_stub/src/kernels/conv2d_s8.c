/* Convolution: choice of the variant, and the general one by partial im2col. */
#include <stdbool.h>

#include "kernels_shared/output_stage_s8.h"
#include "variants.h"
#include "simd_s8.h"

/* Whether a 1x1 kernel always stands on the input. */
static bool hwp_is_unpadded(const struct hwp_conv2d *record)
{
    return record->pad_top == 0 && record->pad_left == 0 &&
           (record->out_h - 1) * record->stride_h < record->in_h &&
           (record->out_w - 1) * record->stride_w < record->in_w;
}

void hwp_conv2d_s8(const struct hwp_conv2d *record, const struct hwp_operands *operands)
{
    const bool pointwise = record->kernel_h == 1 && record->kernel_w == 1 &&
                           record->groups == 1 && hwp_is_unpadded(record);
    if (pointwise) {
        hwp_conv2d_1x1_s8(record, operands);
    } else {
        hwp_conv2d_im2col_s8(record, operands);
    }
}

/* One group of a convolution, its columns and where its outputs go. */
struct hwp_group {
    const int8_t *input;   /* first channel of the group in the first pixel */
    const int8_t *weights; /* rows of `k` */
    int16_t *columns;      /* two columns of `column_k` elements */
    int32_t channels_in;
    int32_t channels_out;
    int32_t k;        /* kernel_h * kernel_w * channels_in */
    int32_t column_k; /* k rounded up to 4, so that both columns are aligned */
};

/*
 * Gathers one column as int8 with the input's zero point for padding: rows of the kernel, pixels
 * of a row, channels of a pixel, as the weights are ordered.
 */
static void hwp_stage_column(const struct hwp_conv2d *record, const struct hwp_group *group,
                             int32_t base_y, int32_t base_x, int8_t *staged)
{
    for (int32_t y = base_y; y < base_y + record->kernel_h; y++) {
        for (int32_t x = base_x; x < base_x + record->kernel_w; x++) {
            if (y < 0 || y >= record->in_h || x < 0 || x >= record->in_w) {
                hwp_set_s8(staged, (int8_t)-record->input_offset, group->channels_in);
            } else {
                hwp_copy_s8(staged, group->input + (y * record->in_w + x) * record->in_c,
                            group->channels_in);
            }
            staged += group->channels_in;
        }
    }
}

/*
 * Widens a column to int16 and adds the input offset. Each four elements are stored in the order
 * 0 2 1 3, in which SXTB16 unpacks four weights: so neither side is ever repacked. The last k % 4
 * elements keep their order.
 */
static void hwp_widen_column(const int8_t *staged, int16_t *column, int32_t k, int32_t offset)
{
    const int32_t offsets = hwp_splat_s16x2(offset);
    for (int32_t blocks = k >> 2; blocks > 0; blocks--) {
        const int32_t bytes = hwp_load_s8x4(staged);
        hwp_store_s16x2(column, hwp_add_even_s16x2(offsets, bytes));
        hwp_store_s16x2(column + 2, hwp_add_odd_s16x2(offsets, bytes));
        staged += 4;
        column += 4;
    }
    for (int32_t rest = k & 3; rest > 0; rest--) {
        *column++ = (int16_t)(*staged++ + offset);
    }
}

/*
 * The staged bytes lie in the upper half of the column that they become: widening runs upwards and
 * never overtakes what it has yet to read.
 */
static void hwp_fill_column(const struct hwp_conv2d *record, const struct hwp_group *group,
                            int32_t pixel, int16_t *column)
{
    int8_t *const staged = (int8_t *)column + group->column_k;
    const int32_t out_y = pixel / record->out_w;
    const int32_t out_x = pixel - out_y * record->out_w;
    hwp_stage_column(record, group, out_y * record->stride_h - record->pad_top,
                     out_x * record->stride_w - record->pad_left, staged);
    hwp_widen_column(staged, column, group->k, record->input_offset);
}

/* Two channels by two pixels; sums[channel][pixel]. */
HWP_INLINE void hwp_dot_columns_2x2(const struct hwp_group *group, const int8_t *weights,
                                    int32_t sums[2][2])
{
    const int8_t *row_0 = weights;
    const int8_t *row_1 = weights + group->k;
    const int16_t *column_0 = group->columns;
    const int16_t *column_1 = group->columns + group->column_k;
    for (int32_t blocks = group->k >> 2; blocks > 0; blocks--) {
        const int32_t bytes_0 = hwp_load_s8x4(row_0);
        const int32_t bytes_1 = hwp_load_s8x4(row_1);
        int32_t pair_0 = hwp_load_s16x2(column_0);
        int32_t pair_1 = hwp_load_s16x2(column_1);
        const int32_t even_0 = hwp_even_s16x2(bytes_0);
        const int32_t even_1 = hwp_even_s16x2(bytes_1);
        sums[0][0] = __smlad(even_0, pair_0, sums[0][0]);
        sums[0][1] = __smlad(even_0, pair_1, sums[0][1]);
        sums[1][0] = __smlad(even_1, pair_0, sums[1][0]);
        sums[1][1] = __smlad(even_1, pair_1, sums[1][1]);
        pair_0 = hwp_load_s16x2(column_0 + 2);
        pair_1 = hwp_load_s16x2(column_1 + 2);
        const int32_t odd_0 = hwp_rotated_odd_s16x2(bytes_0);
        const int32_t odd_1 = hwp_rotated_odd_s16x2(bytes_1);
        sums[0][0] = __smlad(odd_0, pair_0, sums[0][0]);
        sums[0][1] = __smlad(odd_0, pair_1, sums[0][1]);
        sums[1][0] = __smlad(odd_1, pair_0, sums[1][0]);
        sums[1][1] = __smlad(odd_1, pair_1, sums[1][1]);
        row_0 += 4;
        row_1 += 4;
        column_0 += 4;
        column_1 += 4;
    }
    for (int32_t rest = group->k & 3; rest > 0; rest--) {
        sums[0][0] += *row_0 * *column_0;
        sums[0][1] += *row_0++ * *column_1;
        sums[1][0] += *row_1 * *column_0++;
        sums[1][1] += *row_1++ * *column_1++;
    }
}

/* One channel and one pixel. */
HWP_INLINE int32_t hwp_dot_column(const struct hwp_group *group, const int8_t *weights,
                                  const int16_t *column, int32_t sum)
{
    for (int32_t blocks = group->k >> 2; blocks > 0; blocks--) {
        const int32_t bytes = hwp_load_s8x4(weights);
        sum = __smlad(hwp_even_s16x2(bytes), hwp_load_s16x2(column), sum);
        sum = __smlad(hwp_rotated_odd_s16x2(bytes), hwp_load_s16x2(column + 2), sum);
        weights += 4;
        column += 4;
    }
    for (int32_t rest = group->k & 3; rest > 0; rest--) {
        sum += *weights++ * *column++;
    }
    return sum;
}

/* All channels of the group for both columns. `step` is the distance of the pixels' outputs. */
HWP_INLINE void hwp_multiply_two_columns(const struct hwp_group *group,
                                         const struct hwp_output_stage *given, int8_t *output,
                                         int32_t step, enum hwp_way way)
{
    const struct hwp_output_stage stage = *given; /* a copy that the int8 stores cannot alias */
    const int8_t *weights = group->weights;
    int32_t c = 0;
    for (; c <= group->channels_out - 2; c += 2) {
        const int32_t bias_0 = hwp_bias_s8(&stage, c, way);
        const int32_t bias_1 = hwp_bias_s8(&stage, c + 1, way);
        int32_t sums[2][2] = {{bias_0, bias_0}, {bias_1, bias_1}};
        hwp_dot_columns_2x2(group, weights, sums);
        output[c] = hwp_output_s8(&stage, c, sums[0][0], way);
        output[c + step] = hwp_output_s8(&stage, c, sums[0][1], way);
        output[c + 1] = hwp_output_s8(&stage, c + 1, sums[1][0], way);
        output[c + 1 + step] = hwp_output_s8(&stage, c + 1, sums[1][1], way);
        weights += 2 * group->k;
    }
    if (c < group->channels_out) {
        const int32_t bias = hwp_bias_s8(&stage, c, way);
        const int16_t *const second = group->columns + group->column_k;
        const int32_t sum_0 = hwp_dot_column(group, weights, group->columns, bias);
        const int32_t sum_1 = hwp_dot_column(group, weights, second, bias);
        output[c] = hwp_output_s8(&stage, c, sum_0, way);
        output[c + step] = hwp_output_s8(&stage, c, sum_1, way);
    }
}

/* The same for the pixel that is left where their number is odd. */
HWP_INLINE void hwp_multiply_last_column(const struct hwp_group *group,
                                         const struct hwp_output_stage *given, int8_t *output,
                                         enum hwp_way way)
{
    const struct hwp_output_stage stage = *given;
    const int8_t *weights = group->weights;
    for (int32_t c = 0; c < group->channels_out; c++) {
        const int32_t bias = hwp_bias_s8(&stage, c, way);
        const int32_t sum = hwp_dot_column(group, weights, group->columns, bias);
        output[c] = hwp_output_s8(&stage, c, sum, way);
        weights += group->k;
    }
}

HWP_INLINE void hwp_convolve_group(const struct hwp_conv2d *record, const struct hwp_group *group,
                                   const struct hwp_output_stage *stage, int8_t *output,
                                   enum hwp_way way)
{
    const int32_t pixels = record->out_h * record->out_w;
    int32_t pixel = 0;
    for (; pixel <= pixels - 2; pixel += 2) {
        hwp_fill_column(record, group, pixel, group->columns);
        hwp_fill_column(record, group, pixel + 1, group->columns + group->column_k);
        hwp_multiply_two_columns(group, stage, output, record->out_c, way);
        output += 2 * record->out_c;
    }
    if (pixel < pixels) {
        hwp_fill_column(record, group, pixel, group->columns);
        hwp_multiply_last_column(group, stage, output, way);
    }
}

HWP_INLINE void hwp_conv2d_im2col_s8_by(const struct hwp_conv2d *record,
                                        const struct hwp_operands *operands, enum hwp_way way)
{
    struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands, way);
    struct hwp_group group = {
        .input = operands->input,
        .weights = operands->weights,
        .columns = operands->scratch,
        .channels_in = record->in_c / record->groups,
        .channels_out = record->out_c / record->groups,
    };
    group.k = record->kernel_h * record->kernel_w * group.channels_in;
    group.column_k = (group.k + 3) & ~3;
    int8_t *output = operands->output;
    for (int32_t i = 0; i < record->groups; i++) {
        hwp_convolve_group(record, &group, &stage, output, way);
        group.input += group.channels_in;
        group.weights += group.channels_out * group.k;
        hwp_next_channels(&stage, group.channels_out, way);
        output += group.channels_out;
    }
}

HWP_VARIANTS(hwp_conv2d_im2col_s8, hwp_conv2d)
