/*
 * The seam between the interpreter and a kernel library: one int8 function for each record opcode.
 *
 * A library is linked by supplying the sixteen functions of section "Kernels" and
 * hwp_kernels_name; nothing else of it is seen by the interpreter. Two are
 * linked, each into an image: src/kernels/ is `simd`, Cortex-M7 with the DSP extension, after the
 * algorithms that CMSIS-NN documents; src/kernels_reference/ is `reference`, plain loops.
 *
 * Names
 *
 *   hwp_<op>_<dtype>            dispatcher: looks at the record and calls one variant
 *   hwp_<op>_<variant>_<dtype>  one variant; takes the same arguments, may assume more
 *
 * Contract
 *
 *   - A kernel is called only with a record that the interpreter has checked at PREPARE: sizes are
 *     positive, buffers hold what the shapes say, offsets and activation bounds lie in the ranges
 *     below, and each output of a pooling has at least one element of the input under its window.
 *     A kernel therefore cannot fail and returns nothing.
 *   - Tensors are int8, layout (h, w, c) with c fastest, batch 1, dense. Pointers of tensors, bias,
 *     multiplier, shift and scratch are 4-byte aligned at least (program.py aligns to 32 bytes).
 *   - Output and inputs do not overlap, but for add, sub, mul, lookup and requantise, which work element
 *     by element and may write over one of their inputs.
 *   - Scratch holds as many bytes as the table below says, with any content; the host plans it
 *     (profiler/scratch.py, the same table in Python) and a kernel may not keep anything there
 *     between two calls. A library that needs more has to be planned for in scratch.py.
 *   - Results are bit exact: docs/FORMATS.md, "Fixed-point arithmetic", is the definition.
 *   - Kernels neither allocate, nor keep state, nor touch a peripheral, and are reentrant.
 *
 * Ranges
 *
 *   input_offset       minus the input's zero point, [-127, 128]; it is added to each input
 *   output_offset      the output's zero point, [-128, 127]
 *   weights            int8, [-128, 127]
 *   weight_zero_point  where has_weight_zero_point: int8, taken from each weight; 0 unless
 *                      hwp_kernels_take_weight_zero_points
 *   requantisation     HWP_REQUANTISE_BY_MULTIPLIER:
 *     bias               int32 per output channel, scale = input scale * weight scale
 *     multiplier, shift  [2^30, 2^31) and [-31, 30]; factor multiplier * 2^(shift - 31)
 *                      HWP_REQUANTISE_BY_SHIFT, with output_offset 0:
 *     bias, bias_shift   int8 per output channel, shifted left by [0, 30]
 *     shift              places to the right, [0, 30]
 *   per_channel        1: as many multipliers, shifts, bias shifts and zero points as output
 *                      channels; 0: one of each
 *   activation_min/max inclusive bounds of an output, -128 <= min <= max <= 127
 *   accumulators       int32; the host keeps |sum + bias| * 2^max(shift, 0) below 2^31
 *
 * Scratch bytes
 *
 *   | record          | when                                                | bytes            |
 *   | --------------- | --------------------------------------------------- | ---------------- |
 *   | conv2d          | groups == 1, kernel 1x1, no padding on any side     | 0                |
 *   | conv2d          | else; k = kernel_h * kernel_w * in_c / groups       | 4 (k up to 4 n)  |
 *   | depthwise       | out_c != in_c                                       | 0                |
 *   | depthwise       | kernel 3x3, pad_top <= 1 and pad_left <= 1          | 0                |
 *   | depthwise       | else                                                | 2 kh kw in_c     |
 *   | average_pool    | always: one int32 sum a channel                     | 4 in_c           |
 *   | mean            | always: one int32 sum a channel                     | 4 channels       |
 *   | all others      | always                                              | 0                |
 *
 * "4 (k up to 4 n)": two columns of int16, each of k rounded up to a multiple of 4. No padding on
 * any side: pad_top == pad_left == 0, (out_h - 1) * stride_h < in_h, (out_w - 1) * stride_w < in_w.
 */
#ifndef HWP_KERNELS_H
#define HWP_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "hwp_program.h"

/*
 * Where the address words of a record point on this board. Members are named as the record's
 * fields, input_1 being `input`; a pointer that the record does not have is not read.
 */
struct hwp_operands {
    const int8_t *input;       /* input or input_1 */
    const int8_t *input_2;     /* add, sub, mul */
    int8_t *output;
    const int8_t *weights;     /* conv2d, depthwise, fully_connected; layouts below */
    const void *bias;          /* out_c or out_features; int32, or int8 with shifts */
    const int32_t *multiplier; /* as many as channels, or 1; not read with shifts */
    const int32_t *shift;      /* as many as channels, or 1 */
    const int8_t *table;       /* lookup: 256 entries */
    void *scratch;             /* bytes of the table above; not read where that is 0 */
    const int8_t *weight_zero_point; /* as many as shifts; not read where there is none */
    const int32_t *bias_shift; /* as many as shifts; not read with multipliers */
};

/* What HELLO calls this library: at most 16 bytes, "simd" or "reference". */
extern const char hwp_kernels_name[];

/* Whether the library takes zero points from weights; if not, one that is not 0 is refused. */
extern const bool hwp_kernels_take_weight_zero_points;

/*---------------------------------------------------------------------------------------------
 * Kernels: one for each opcode of enum hwp_opcode
 *-------------------------------------------------------------------------------------------*/

/*
 * Convolution in `groups` groups; in_c and out_c are multiples of groups.
 *   input   (in_h, in_w, in_c)
 *   weights (out_c, kernel_h, kernel_w, in_c / groups)
 *   output  (out_h, out_w, out_c)
 * pad_top and pad_left are given; what out_h and out_w reach beyond the input at the bottom and on
 * the right is padding too, so padding may be asymmetric. A padded element contributes zero.
 * Calls of `simd`: 1x1 without padding, else the general one.
 */
void hwp_conv2d_s8(const struct hwp_conv2d *record, const struct hwp_operands *operands);

/*
 * Depthwise convolution; out_c is a multiple of in_c, output channel m reads input channel
 * m / (out_c / in_c).
 *   weights (kernel_h, kernel_w, out_c)
 * Calls: 3x3 (out_c == in_c, at most one row and column of padding at top and left), buffered
 * (out_c == in_c, any kernel), generic (any channel multiplier).
 */
void hwp_depthwise_s8(const struct hwp_depthwise *record, const struct hwp_operands *operands);

/*
 * output[o] = clamp(requantised(sum + bias[o]) + output_offset), rescale_once with multipliers,
 * with sum = sum over i of (input[i] + input_offset) * (weights[o][i] - weight_zero_point[o]).
 *   input (in_features), weights (out_features, in_features), output (out_features)
 */
void hwp_fully_connected_s8(const struct hwp_fully_connected *record,
                            const struct hwp_operands *operands);

/*
 * Mean over the window, rounded half away from zero, clamped; in_c == out_c.
 * count_include_pad: 0 divides by the elements inside the input; 1 divides by
 * kernel_h * kernel_w and counts each padded element as zero_point.
 */
void hwp_average_pool_s8(const struct hwp_average_pool *record,
                         const struct hwp_operands *operands);

/* Maximum over the elements of the window inside the input, clamped; in_c == out_c. */
void hwp_max_pool_s8(const struct hwp_max_pool *record, const struct hwp_operands *operands);

/*
 * output = clamp(rescale(a + b, output_multiplier, output_shift) + output_offset) with
 * a = rescale((input_1 + input_1_offset) << left_shift, input_1_multiplier, input_1_shift), b
 * alike; left_shift is [0, 20], input_1_shift and input_2_shift are [-31, 0].
 */
void hwp_add_s8(const struct hwp_add *record, const struct hwp_operands *operands);

/* clamp(rescale((input_1 + input_1_offset) * (input_2 + input_2_offset)) + output_offset) */
void hwp_mul_s8(const struct hwp_mul *record, const struct hwp_operands *operands);

/*
 * output[dst + i] = input[src + i * step] for i over (copy_h, copy_w, copy_c), each axis apart.
 * Steps are positive; the box lies inside both tensors. The rest of the output stays as it is.
 */
void hwp_strided_copy_s8(const struct hwp_strided_copy *record,
                         const struct hwp_operands *operands);

/* Sets `size` bytes of the output to `value`, [-128, 127]. */
void hwp_fill_s8(const struct hwp_fill *record, const struct hwp_operands *operands);

/*
 * Output axis i is input axis perm_i, of size dim_{perm_i}; perm is a permutation of 0 .. 3.
 * Axes are in memory order, dim_3 fastest.
 */
void hwp_transpose_s8(const struct hwp_transpose *record, const struct hwp_operands *operands);

/* output[y][x] = input[y * in_h / out_h][x * in_w / out_w], integer division, all channels. */
void hwp_resize_nearest_s8(const struct hwp_resize_nearest *record,
                           const struct hwp_operands *operands);

/* output[i] = table[input[i] + 128]. */
void hwp_lookup_s8(const struct hwp_lookup *record, const struct hwp_operands *operands);

/*
 * Softmax over each of `rows` rows of `row_size`, output scale 1/256 and zero point -128, in the
 * fixed-point arithmetic of TFLite's int8 reference (gemmlowp exponential and reciprocal).
 * multiplier and shift scale a difference of two inputs to Q5.26 (beta * input scale * 2^26);
 * differences below diff_min, which is negative, give -128. row_size is at most 4,095, so that the
 * sum of exponentials fits its 12 integer bits.
 */
void hwp_softmax_s8(const struct hwp_softmax *record, const struct hwp_operands *operands);

/* output = clamp(rescale(input + input_offset) + output_offset) to [-128, 127]. */
void hwp_requantise_s8(const struct hwp_requantise *record, const struct hwp_operands *operands);

/* As add, with rescale(a - b). */
void hwp_sub_s8(const struct hwp_sub *record, const struct hwp_operands *operands);

/*
 * output[c] = clamp(rescale(sum over pixels of (input[pixel][c] + input_offset)) + output_offset)
 * to [-128, 127]; the multiplier, [2^29, 2^31), holds the division by the number of pixels.
 *   input (pixels, channels), output (channels)
 */
void hwp_mean_s8(const struct hwp_mean *record, const struct hwp_operands *operands);

#endif
