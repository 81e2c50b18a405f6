/*
 * Kernels that compute nothing: each reads every byte that kernels.h lets it read and writes every
 * byte that it may write, so that a sanitizer sees what a wrong check would let through.
 */
#include "kernels.h"

#include <stddef.h>
#include <string.h>

const char hwp_kernels_name[] = "touch";
const bool hwp_kernels_take_weight_zero_points = true;

static volatile uint8_t sink;

static void read_all(const void *bytes, size_t size_bytes)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
    }
    sink = sum;
}

static size_t volume(int32_t h, int32_t w, int32_t c)
{
    return (size_t)h * (size_t)w * (size_t)c;
}

/* Constants of a weighted record of so many output channels. */
#define READ_CHANNELS(r, o, channels)                                                       \
    do {                                                                                    \
        bool shifts = (r)->requantisation == HWP_REQUANTISE_BY_SHIFT;                       \
        size_t scales = (r)->per_channel ? 4u * (size_t)(channels) : 4u;                    \
        read_all((o)->bias, (shifts ? 1u : 4u) * (size_t)(channels));                       \
        read_all((o)->shift, scales);                                                       \
        read_all(shifts ? (o)->bias_shift : (o)->multiplier, scales);                       \
        if ((r)->has_weight_zero_point) {                                                      \
            read_all((o)->weight_zero_point, scales / 4u);                                  \
        }                                                                                   \
    } while (0)

static void elementwise(const struct hwp_operands *operands, int32_t size)
{
    read_all(operands->input, (size_t)size);
    memset(operands->output, 1, (size_t)size);
}

#define TOUCH_WINDOW(r, o)                              \
    read_all((o)->input, volume((r)->in_h, (r)->in_w, (r)->in_c)); \
    memset((o)->output, 1, volume((r)->out_h, (r)->out_w, (r)->out_c))

void hwp_conv2d_s8(const struct hwp_conv2d *r, const struct hwp_operands *o)
{
    size_t column = volume(r->kernel_h, r->kernel_w, r->in_c / r->groups);
    TOUCH_WINDOW(r, o);
    read_all(o->weights, column * (size_t)r->out_c);
    READ_CHANNELS(r, o, r->out_c);
    if (o->scratch != NULL) {
        memset(o->scratch, 1, 1);
    }
}

void hwp_depthwise_s8(const struct hwp_depthwise *r, const struct hwp_operands *o)
{
    TOUCH_WINDOW(r, o);
    read_all(o->weights, volume(r->kernel_h, r->kernel_w, r->out_c));
    READ_CHANNELS(r, o, r->out_c);
}

void hwp_fully_connected_s8(const struct hwp_fully_connected *r, const struct hwp_operands *o)
{
    read_all(o->input, (size_t)r->in_features);
    read_all(o->weights, (size_t)r->in_features * (size_t)r->out_features);
    READ_CHANNELS(r, o, r->out_features);
    memset(o->output, 1, (size_t)r->out_features);
}

void hwp_average_pool_s8(const struct hwp_average_pool *r, const struct hwp_operands *o)
{
    TOUCH_WINDOW(r, o);
    memset(o->scratch, 1, 4u * (size_t)r->in_c);
}

void hwp_max_pool_s8(const struct hwp_max_pool *r, const struct hwp_operands *o)
{
    TOUCH_WINDOW(r, o);
}

void hwp_add_s8(const struct hwp_add *r, const struct hwp_operands *o)
{
    read_all(o->input_2, (size_t)r->size);
    elementwise(o, r->size);
}

void hwp_mul_s8(const struct hwp_mul *r, const struct hwp_operands *o)
{
    read_all(o->input_2, (size_t)r->size);
    elementwise(o, r->size);
}

void hwp_strided_copy_s8(const struct hwp_strided_copy *r, const struct hwp_operands *o)
{
    for (int32_t y = 0; y < r->copy_h; y++) {
        for (int32_t x = 0; x < r->copy_w; x++) {
            for (int32_t c = 0; c < r->copy_c; c++) {
                int32_t from_row = (r->src_h + y * r->step_h) * r->in_w + r->src_w + x * r->step_w;
                int32_t to_row = (r->dst_h + y) * r->out_w + r->dst_w + x;
                o->output[to_row * r->out_c + r->dst_c + c] =
                    o->input[from_row * r->in_c + r->src_c + c * r->step_c];
            }
        }
    }
}

void hwp_fill_s8(const struct hwp_fill *r, const struct hwp_operands *o)
{
    memset(o->output, r->value, (size_t)r->size);
}

void hwp_transpose_s8(const struct hwp_transpose *r, const struct hwp_operands *o)
{
    elementwise(o, r->dim_0 * r->dim_1 * r->dim_2 * r->dim_3);
}

void hwp_resize_nearest_s8(const struct hwp_resize_nearest *r, const struct hwp_operands *o)
{
    read_all(o->input, volume(r->in_h, r->in_w, r->channels));
    memset(o->output, 1, volume(r->out_h, r->out_w, r->channels));
}

void hwp_lookup_s8(const struct hwp_lookup *r, const struct hwp_operands *o)
{
    read_all(o->table, 256);
    elementwise(o, r->size);
}

void hwp_softmax_s8(const struct hwp_softmax *r, const struct hwp_operands *o)
{
    elementwise(o, r->rows * r->row_size);
}

void hwp_requantise_s8(const struct hwp_requantise *r, const struct hwp_operands *o)
{
    elementwise(o, r->size);
}

void hwp_sub_s8(const struct hwp_sub *r, const struct hwp_operands *o)
{
    read_all(o->input_2, (size_t)r->size);
    elementwise(o, r->size);
}

void hwp_mean_s8(const struct hwp_mean *r, const struct hwp_operands *o)
{
    read_all(o->input, (size_t)r->pixels * (size_t)r->channels);
    memset(o->output, 1, (size_t)r->channels);
    memset(o->scratch, 1, 4u * (size_t)r->channels);
}
