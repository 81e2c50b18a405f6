/* Variants of convolution and depthwise convolution, private to src/kernels/. */
#ifndef HWP_VARIANTS_H
#define HWP_VARIANTS_H

#include "kernels.h"

/*
 * groups == 1, kernel 1x1, no padding: one matrix multiplication over all pixels, or with strides
 * one for each output row.
 */
void hwp_conv2d_1x1_s8(const struct hwp_conv2d *record, const struct hwp_operands *operands);

/* Anything: two im2col columns of int16 at a time. */
void hwp_conv2d_im2col_s8(const struct hwp_conv2d *record, const struct hwp_operands *operands);

/* Kernel 3x3, out_c == in_c, pad_top <= 1, pad_left <= 1. */
void hwp_depthwise_3x3_s8(const struct hwp_depthwise *record, const struct hwp_operands *operands);

/* out_c == in_c: one im2col column of int16 for each output pixel. */
void hwp_depthwise_buffered_s8(const struct hwp_depthwise *record,
                               const struct hwp_operands *operands);

/* Any channel multiplier. */
void hwp_depthwise_generic_s8(const struct hwp_depthwise *record,
                              const struct hwp_operands *operands);

#endif
