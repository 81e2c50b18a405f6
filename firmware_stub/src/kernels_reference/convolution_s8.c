/*
 * Convolution and depthwise convolution as one loop nest: output channels, output pixel, tap, input
 * channel. Order and blocking are those of Glow's generic kernels (pytorch/glow,
 * lib/Backends/CPU/libjit/libjit_conv.cpp): eight output channels at a time where eight divide those
 * of a group, four of them in one pass over the input channels, else one; a depthwise convolution
 * has a group for each channel. They decide how often a large input passes through the cache.
 */
#include "kernels.h"
#include "offsets.h"

/* Extents of either record. */
struct hwp_extent {
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
};

#define HWP_EXTENT(record)                                                                         \
    {                                                                                              \
        .in_h = (record)->in_h, .in_w = (record)->in_w, .in_c = (record)->in_c,                    \
        .out_h = (record)->out_h, .out_w = (record)->out_w, .out_c = (record)->out_c,              \
        .kernel_h = (record)->kernel_h, .kernel_w = (record)->kernel_w,                            \
        .stride_h = (record)->stride_h, .stride_w = (record)->stride_w,                            \
        .pad_top = (record)->pad_top, .pad_left = (record)->pad_left,                              \
    }

/* What some output channels read. */
struct hwp_filters {
    const int8_t *input;        /* the first channel of their group in the first pixel */
    const int8_t *weights;      /* first tap of the first of them */
    int32_t depth;              /* channels of the input that each sums */
    int32_t tap_step;           /* bytes from one tap's weights to the next one's */
    int32_t step;               /* from one output channel's weights to the next one's */
    int32_t input_offset;       /* added to each input */
    const int8_t *zero_points;  /* taken from weights; */
    int32_t zero_point_step;    /* to the next output channel's: 1, or 0 where there is one */
};

#define BLOCK 8
#define PASS 4

/* Adds one tap of `count` output channels, from number `first` on. */
HWP_INLINE void hwp_add_tap(const struct hwp_filters *filters, const int8_t *pixel,
                            const int8_t *weights, int32_t depth, enum hwp_offsets offsets,
                            int32_t first, int32_t count, int32_t *sums)
{
    for (int32_t i = 0; i < depth; i++) {
        const int32_t input = hwp_input_s8(pixel[i], filters->input_offset, offsets);
        for (int32_t c = first; c < first + count; c++) {
            const int32_t zero_point =
                hwp_zero_point_s8(filters->zero_points, c * filters->zero_point_step, offsets);
            sums[c] += input * (weights[c * filters->step + i] - zero_point);
        }
    }
}

/* Sums of `count` output channels over the taps inside the input; each tap is tested. */
HWP_INLINE void hwp_sum_taps(const struct hwp_extent *extent, const struct hwp_filters *filters,
                             int32_t base_y, int32_t base_x, int32_t depth,
                             enum hwp_offsets offsets, int32_t count, int32_t *results)
{
    const int8_t *weights = filters->weights;
    int32_t sums[BLOCK] = {0};
    for (int32_t y = base_y; y < base_y + extent->kernel_h; y++) {
        if ((uint32_t)y >= (uint32_t)extent->in_h) {
            weights += extent->kernel_w * filters->tap_step;
            continue;
        }
        const int8_t *pixel = filters->input + (y * extent->in_w + base_x) * extent->in_c;
        for (int32_t x = base_x; x < base_x + extent->kernel_w; x++) {
            if ((uint32_t)x < (uint32_t)extent->in_w) {
                for (int32_t first = 0; first < count; first += PASS) {
                    hwp_add_tap(filters, pixel, weights, depth, offsets, first,
                                count < PASS ? count : PASS, sums);
                }
            }
            pixel += extent->in_c;
            weights += filters->tap_step;
        }
    }
    for (int32_t c = 0; c < count; c++) {
        results[c] = sums[c];
    }
}

/*
 * Sums are a call. Inlined into the loops over pixels they leave GCC 12 too few registers: the
 * inner loop would load its offsets and bounds anew for each product.
 */
typedef void (*hwp_summing)(const struct hwp_extent *extent, const struct hwp_filters *filters,
                            int32_t base_y, int32_t base_x, int32_t *results);

#define HWP_SUMMING(name, depth, count, offsets)                                                   \
    static __attribute__((noinline)) void name(const struct hwp_extent *extent,                    \
                                               const struct hwp_filters *filters, int32_t base_y,  \
                                               int32_t base_x, int32_t *results)                   \
    {                                                                                              \
        hwp_sum_taps(extent, filters, base_y, base_x, depth, offsets, count, results);             \
    }
#define HWP_SUMMINGS(kind, depth, count)                                                           \
    HWP_SUMMING(hwp_##kind##_no_offset, depth, count, HWP_NO_OFFSET)                               \
    HWP_SUMMING(hwp_##kind##_input_offset, depth, count, HWP_INPUT_OFFSET)                         \
    HWP_SUMMING(hwp_##kind##_weight_offset, depth, count, HWP_WEIGHT_OFFSET)                       \
    HWP_SUMMING(hwp_##kind##_both_offsets, depth, count, HWP_BOTH_OFFSETS)                         \
    static const hwp_summing hwp_##kind[] = {hwp_##kind##_no_offset, hwp_##kind##_input_offset,    \
                                             hwp_##kind##_weight_offset,                           \
                                             hwp_##kind##_both_offsets};
HWP_SUMMINGS(eight, filters->depth, BLOCK)
HWP_SUMMINGS(one, filters->depth, 1)
HWP_SUMMINGS(depthwise, 1, 1)

/* `count` output channels of all pixels, from `channel` on. */
HWP_INLINE void hwp_convolve_channels(const struct hwp_extent *extent,
                                      const struct hwp_filters *filters,
                                      const struct hwp_output_stage *stage, int32_t channel,
                                      int32_t count, int8_t *output, enum hwp_way way,
                                      hwp_summing summing)
{
    for (int32_t out_y = 0; out_y < extent->out_h; out_y++) {
        const int32_t base_y = out_y * extent->stride_h - extent->pad_top;
        for (int32_t out_x = 0; out_x < extent->out_w; out_x++) {
            const int32_t base_x = out_x * extent->stride_w - extent->pad_left;
            int8_t *const pixel = output + (out_y * extent->out_w + out_x) * extent->out_c;
            int32_t sums[BLOCK];
            summing(extent, filters, base_y, base_x, sums);
            for (int32_t c = channel; c < channel + count; c++) {
                const int32_t sum = sums[c - channel] + hwp_bias_s8(stage, c, way);
                pixel[c] = hwp_output_s8(stage, c, sum, way);
            }
        }
    }
}

HWP_INLINE void hwp_conv2d_s8_with(const struct hwp_conv2d *record,
                                   const struct hwp_operands *operands, enum hwp_way way,
                                   enum hwp_offsets offsets)
{
    const struct hwp_extent extent = HWP_EXTENT(record);
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands, way);
    const int32_t channels = record->out_c / record->groups;
    const int32_t depth = record->in_c / record->groups;
    struct hwp_filters filters = {
        .depth = depth,
        .tap_step = depth,
        .step = record->kernel_h * record->kernel_w * depth,
        .input_offset = record->input_offset,
        .zero_point_step = hwp_per_channel(way),
    };
    const int32_t block = channels % BLOCK == 0 ? BLOCK : 1;
    for (int32_t c = 0; c < record->out_c; c += block) {
        filters.input = operands->input + c / channels * depth;
        filters.weights = operands->weights + c * filters.step;
        filters.zero_points = operands->weight_zero_point + c * filters.zero_point_step;
        if (block == BLOCK) {
            hwp_convolve_channels(&extent, &filters, &stage, c, BLOCK, operands->output, way,
                                  hwp_eight[offsets]);
        } else {
            hwp_convolve_channels(&extent, &filters, &stage, c, 1, operands->output, way,
                                  hwp_one[offsets]);
        }
    }
}

HWP_OFFSET_VARIANTS(hwp_conv2d_s8, hwp_conv2d)

HWP_INLINE void hwp_depthwise_s8_with(const struct hwp_depthwise *record,
                                      const struct hwp_operands *operands, enum hwp_way way,
                                      enum hwp_offsets offsets)
{
    const struct hwp_extent extent = HWP_EXTENT(record);
    const struct hwp_output_stage stage = HWP_OUTPUT_STAGE(record, operands, way);
    const int32_t multiplier = record->out_c / record->in_c;
    struct hwp_filters filters = {
        .depth = 1,
        .tap_step = record->out_c,
        .input_offset = record->input_offset,
    };
    for (int32_t c = 0; c < record->out_c; c++) {
        filters.input = operands->input + c / multiplier;
        filters.weights = operands->weights + c;
        filters.zero_points = operands->weight_zero_point + (hwp_per_channel(way) ? c : 0);
        hwp_convolve_channels(&extent, &filters, &stage, c, 1, operands->output, way,
                              hwp_depthwise[offsets]);
    }
}

HWP_OFFSET_VARIANTS(hwp_depthwise_s8, hwp_depthwise)
