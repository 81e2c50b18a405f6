/*
 * Rules that kernels.h promises to kernels. Sizes are computed in saturating arithmetic, so a size
 * that does not fit 32 bits becomes UINT32_MAX, which no region holds.
 */
#include "record_rules.h"

#include <stddef.h>

/* Extents of windows stay below this, so that (out - 1) * stride fits 31 bits. */
#define MAX_EXTENT 32767

/* A sum over as many int8 values, each with its offset, stays below 2^30. */
#define MAX_PIXELS 4194303

#define TRY(expression)             \
    do {                            \
        const char *rule_ = (expression); \
        if (rule_ != NULL) {        \
            return rule_;           \
        }                           \
    } while (0)

static const char *require(bool holds, const char *rule)
{
    return holds ? NULL : rule;
}

static bool within(int32_t value, int32_t low, int32_t high)
{
    return low <= value && value <= high;
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint64_t product = (uint64_t)a * b;
    return product > UINT32_MAX ? UINT32_MAX : (uint32_t)product;
}

static uint32_t volume(int32_t h, int32_t w, int32_t c)
{
    return multiply(multiply((uint32_t)h, (uint32_t)w), (uint32_t)c);
}

static const char *extents_are_positive(const int32_t *extent, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        TRY(require(within(extent[i], 1, MAX_EXTENT), "an extent is not in 1 to 32767"));
    }
    return NULL;
}

static const char *bounds_are_int8(int32_t low, int32_t high)
{
    return require(within(low, -128, high) && high <= 127,
                   "activation bounds are not -128 <= min <= max <= 127");
}

static const char *offsets_are_zero_points(int32_t input_offset, int32_t output_offset)
{
    TRY(require(within(input_offset, -127, 128), "an input offset is not in -127 to 128"));
    return require(within(output_offset, -128, 127), "the output offset is not in -128 to 127");
}

bool hwp_rules_scale(int32_t multiplier, int32_t shift)
{
    return multiplier >= (int32_t)(1u << 30) && within(shift, -31, 30);
}

bool hwp_rules_places(int32_t shift)
{
    return within(shift, 0, 30);
}

static const char *scale_is_valid(int32_t multiplier, int32_t shift)
{
    return require(hwp_rules_scale(multiplier, shift), "a multiplier or shift is out of range");
}

/* The sixteen words that every windowed record starts with. */
struct window {
    hwp_address_t input;
    hwp_address_t output;
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
    int32_t activation_min;
    int32_t activation_max;
};

#define HAS_WINDOW(name)                                                                      \
    _Static_assert(offsetof(struct hwp_##name, activation_max) ==                             \
                           offsetof(struct window, activation_max) &&                         \
                       offsetof(struct hwp_##name, pad_top) == offsetof(struct window, pad_top), \
                   #name " starts with the words of struct window")
HAS_WINDOW(conv2d);
HAS_WINDOW(depthwise);
HAS_WINDOW(average_pool);
HAS_WINDOW(max_pool);

static const char *window_is_valid(const struct window *window, struct hwp_extents *extents)
{
    TRY(extents_are_positive(&window->in_h, 10));
    TRY(require(within(window->pad_top, 0, MAX_EXTENT) && within(window->pad_left, 0, MAX_EXTENT),
                "padding is not in 0 to 32767"));
    extents->bytes[HWP_OPERAND_INPUT] = volume(window->in_h, window->in_w, window->in_c);
    extents->bytes[HWP_OPERAND_OUTPUT] = volume(window->out_h, window->out_w, window->out_c);
    return bounds_are_int8(window->activation_min, window->activation_max);
}

/* Whether the first and the last window of an axis hold an element of the input. */
static bool windows_meet_input(int32_t in, int32_t out, int32_t stride, int32_t kernel, int32_t pad)
{
    return pad < kernel && (out - 1) * stride - pad < in;
}

static const char *pooling_is_valid(const struct window *window, struct hwp_extents *extents)
{
    TRY(window_is_valid(window, extents));
    TRY(require(window->in_c == window->out_c, "pooling changes the number of channels"));
    bool meets = windows_meet_input(window->in_h, window->out_h, window->stride_h,
                                    window->kernel_h, window->pad_top) &&
                 windows_meet_input(window->in_w, window->out_w, window->stride_w,
                                    window->kernel_w, window->pad_left);
    return require(meets, "a pooling window holds no element of the input");
}

/* The three words that every weighted record ends with. */
struct arithmetic {
    int32_t requantisation;
    int32_t per_channel;
    int32_t has_weight_zero_point;
};

#define HAS_ARITHMETIC(name)                                                                    \
    _Static_assert(offsetof(struct hwp_##name, requantisation) + sizeof(struct arithmetic) ==   \
                       sizeof(struct hwp_##name),                                               \
                   #name " ends with the words of struct arithmetic")
HAS_ARITHMETIC(conv2d);
HAS_ARITHMETIC(depthwise);
HAS_ARITHMETIC(fully_connected);
#define ARITHMETIC(record) ((const struct arithmetic *)&(record)->requantisation)

static const char *arithmetic_is_valid(const struct arithmetic *given, int32_t output_offset,
                                       int32_t channels, struct hwp_extents *extents)
{
    bool shifts = given->requantisation == HWP_REQUANTISE_BY_SHIFT;
    TRY(require(within(given->requantisation, 0, 1), "the requantisation is unknown"));
    TRY(require(within(given->per_channel, 0, 1), "per_channel is not 0 or 1"));
    TRY(require(within(given->has_weight_zero_point, 0, 1), "has_weight_zero_point is not 0 or 1"));
    TRY(require(!shifts || output_offset == 0,
                "requantisation by shifts takes no zero point of the output"));
    uint32_t bias_bytes = multiply((uint32_t)channels, shifts ? 1u : 4u);
    uint32_t scale_bytes = given->per_channel ? multiply((uint32_t)channels, 4u) : 4u;
    extents->bytes[HWP_OPERAND_BIAS] = bias_bytes;
    extents->bytes[HWP_OPERAND_SHIFT] = scale_bytes;
    extents->bytes[HWP_OPERAND_MULTIPLIER] = shifts ? 0 : scale_bytes;
    extents->bytes[HWP_OPERAND_BIAS_SHIFT] = shifts ? scale_bytes : 0;
    extents->bytes[HWP_OPERAND_WEIGHT_ZERO_POINT] =
        given->has_weight_zero_point ? scale_bytes / 4u : 0;
    return NULL;
}

/* Whether a 1x1 kernel stands on the input everywhere. */
static bool is_unpadded(const struct hwp_conv2d *record)
{
    return record->pad_top == 0 && record->pad_left == 0 &&
           (record->out_h - 1) * record->stride_h < record->in_h &&
           (record->out_w - 1) * record->stride_w < record->in_w;
}

const char *hwp_rules_conv2d(const struct hwp_conv2d *record, struct hwp_extents *extents)
{
    TRY(window_is_valid((const struct window *)record, extents));
    TRY(offsets_are_zero_points(record->input_offset, record->output_offset));
    TRY(require(within(record->groups, 1, MAX_EXTENT) && record->in_c % record->groups == 0 &&
                    record->out_c % record->groups == 0,
                "groups do not divide the channels"));
    uint32_t column = volume(record->kernel_h, record->kernel_w, record->in_c / record->groups);
    extents->bytes[HWP_OPERAND_WEIGHTS] = multiply(column, (uint32_t)record->out_c);
    TRY(arithmetic_is_valid(ARITHMETIC(record), record->output_offset, record->out_c, extents));
    bool pointwise = record->groups == 1 && record->kernel_h == 1 && record->kernel_w == 1 &&
                     is_unpadded(record);
    uint32_t blocks = column / 4u + (column % 4u != 0);
    extents->bytes[HWP_OPERAND_SCRATCH] = pointwise ? 0 : multiply(blocks, 16u);
    return NULL;
}

const char *hwp_rules_depthwise(const struct hwp_depthwise *record, struct hwp_extents *extents)
{
    TRY(window_is_valid((const struct window *)record, extents));
    TRY(offsets_are_zero_points(record->input_offset, record->output_offset));
    TRY(require(record->out_c % record->in_c == 0,
                "the output channels are no multiple of the input channels"));
    extents->bytes[HWP_OPERAND_WEIGHTS] =
        volume(record->kernel_h, record->kernel_w, record->out_c);
    TRY(arithmetic_is_valid(ARITHMETIC(record), record->output_offset, record->out_c, extents));
    bool dedicated = record->kernel_h == 3 && record->kernel_w == 3 && record->pad_top <= 1 &&
                     record->pad_left <= 1;
    if (record->out_c == record->in_c && !dedicated) {
        extents->bytes[HWP_OPERAND_SCRATCH] =
            multiply(extents->bytes[HWP_OPERAND_WEIGHTS], 2u);
    }
    return NULL;
}

const char *hwp_rules_fully_connected(const struct hwp_fully_connected *record,
                                      struct hwp_extents *extents)
{
    TRY(require(record->in_features > 0 && record->out_features > 0, "a size is not positive"));
    TRY(bounds_are_int8(record->activation_min, record->activation_max));
    TRY(offsets_are_zero_points(record->input_offset, record->output_offset));
    extents->bytes[HWP_OPERAND_INPUT] = (uint32_t)record->in_features;
    extents->bytes[HWP_OPERAND_OUTPUT] = (uint32_t)record->out_features;
    extents->bytes[HWP_OPERAND_WEIGHTS] =
        multiply((uint32_t)record->in_features, (uint32_t)record->out_features);
    return arithmetic_is_valid(ARITHMETIC(record), record->output_offset, record->out_features,
                               extents);
}

const char *hwp_rules_average_pool(const struct hwp_average_pool *record,
                                   struct hwp_extents *extents)
{
    TRY(pooling_is_valid((const struct window *)record, extents));
    TRY(require(within(record->count_include_pad, 0, 1), "count_include_pad is not 0 or 1"));
    TRY(require(within(record->zero_point, -128, 127), "the zero point is not in -128 to 127"));
    extents->bytes[HWP_OPERAND_SCRATCH] = multiply((uint32_t)record->in_c, 4u);
    return NULL;
}

const char *hwp_rules_max_pool(const struct hwp_max_pool *record, struct hwp_extents *extents)
{
    return pooling_is_valid((const struct window *)record, extents);
}

static const char *elementwise(int32_t size, struct hwp_extents *extents)
{
    TRY(require(size > 0, "a size is not positive"));
    extents->bytes[HWP_OPERAND_INPUT] = (uint32_t)size;
    extents->bytes[HWP_OPERAND_OUTPUT] = (uint32_t)size;
    extents->elementwise = true;
    return NULL;
}

static const char *sum_is_valid(const struct hwp_add *record, struct hwp_extents *extents)
{
    TRY(elementwise(record->size, extents));
    extents->bytes[HWP_OPERAND_INPUT_2] = (uint32_t)record->size;
    TRY(bounds_are_int8(record->activation_min, record->activation_max));
    TRY(offsets_are_zero_points(record->input_1_offset, record->output_offset));
    TRY(offsets_are_zero_points(record->input_2_offset, record->output_offset));
    TRY(scale_is_valid(record->input_1_multiplier, record->input_1_shift));
    TRY(scale_is_valid(record->input_2_multiplier, record->input_2_shift));
    TRY(scale_is_valid(record->output_multiplier, record->output_shift));
    TRY(require(record->input_1_shift <= 0 && record->input_2_shift <= 0,
                "an input's shift is positive"));
    return require(within(record->left_shift, 0, 20), "left_shift is not in 0 to 20");
}

const char *hwp_rules_add(const struct hwp_add *record, struct hwp_extents *extents)
{
    return sum_is_valid(record, extents);
}

_Static_assert(sizeof(struct hwp_sub) == sizeof(struct hwp_add), "sub has the words of add");

const char *hwp_rules_sub(const struct hwp_sub *record, struct hwp_extents *extents)
{
    return sum_is_valid((const struct hwp_add *)record, extents);
}

const char *hwp_rules_mul(const struct hwp_mul *record, struct hwp_extents *extents)
{
    TRY(elementwise(record->size, extents));
    extents->bytes[HWP_OPERAND_INPUT_2] = (uint32_t)record->size;
    TRY(bounds_are_int8(record->activation_min, record->activation_max));
    TRY(offsets_are_zero_points(record->input_1_offset, record->output_offset));
    TRY(offsets_are_zero_points(record->input_2_offset, record->output_offset));
    return scale_is_valid(record->output_multiplier, record->output_shift);
}

/* One axis of a strided copy: `copy` elements from `src` on in steps, to `dst` on without. */
static bool copy_stays_inside(int32_t copy, int32_t src, int32_t step, int32_t in, int32_t dst,
                              int32_t out)
{
    return within(src, 0, in - 1) && within(dst, 0, out - 1) && copy <= out - dst &&
           (copy - 1) * step <= in - 1 - src;
}

const char *hwp_rules_strided_copy(const struct hwp_strided_copy *record,
                                   struct hwp_extents *extents)
{
    const struct hwp_strided_copy *r = record;
    TRY(extents_are_positive(&r->in_h, 9));
    TRY(extents_are_positive(&r->step_h, 3));
    bool inside = copy_stays_inside(r->copy_h, r->src_h, r->step_h, r->in_h, r->dst_h, r->out_h) &&
                  copy_stays_inside(r->copy_w, r->src_w, r->step_w, r->in_w, r->dst_w, r->out_w) &&
                  copy_stays_inside(r->copy_c, r->src_c, r->step_c, r->in_c, r->dst_c, r->out_c);
    TRY(require(inside, "the copied box leaves its input or output"));
    extents->bytes[HWP_OPERAND_INPUT] = volume(r->in_h, r->in_w, r->in_c);
    extents->bytes[HWP_OPERAND_OUTPUT] = volume(r->out_h, r->out_w, r->out_c);
    return NULL;
}

const char *hwp_rules_fill(const struct hwp_fill *record, struct hwp_extents *extents)
{
    TRY(require(record->size > 0, "a size is not positive"));
    extents->bytes[HWP_OPERAND_OUTPUT] = (uint32_t)record->size;
    return require(within(record->value, -128, 127), "the value is not in -128 to 127");
}

const char *hwp_rules_transpose(const struct hwp_transpose *record, struct hwp_extents *extents)
{
    const int32_t *dim = &record->dim_0;
    const int32_t *perm = &record->perm_0;
    uint32_t axes = 0;
    uint32_t size_bytes = 1;
    for (int axis = 0; axis < 4; axis++) {
        TRY(require(dim[axis] > 0, "an extent is not positive"));
        TRY(require(within(perm[axis], 0, 3), "an axis is not in 0 to 3"));
        size_bytes = multiply(size_bytes, (uint32_t)dim[axis]);
        axes |= 1u << perm[axis];
    }
    extents->bytes[HWP_OPERAND_INPUT] = size_bytes;
    extents->bytes[HWP_OPERAND_OUTPUT] = size_bytes;
    return require(axes == 0xFu, "an axis is named twice");
}

const char *hwp_rules_resize_nearest(const struct hwp_resize_nearest *record,
                                     struct hwp_extents *extents)
{
    TRY(extents_are_positive(&record->in_h, 5));
    extents->bytes[HWP_OPERAND_INPUT] = volume(record->in_h, record->in_w, record->channels);
    extents->bytes[HWP_OPERAND_OUTPUT] = volume(record->out_h, record->out_w, record->channels);
    return NULL;
}

const char *hwp_rules_lookup(const struct hwp_lookup *record, struct hwp_extents *extents)
{
    extents->bytes[HWP_OPERAND_TABLE] = 256;
    return elementwise(record->size, extents);
}

const char *hwp_rules_softmax(const struct hwp_softmax *record, struct hwp_extents *extents)
{
    TRY(require(record->rows > 0 && record->row_size > 0, "a size is not positive"));
    TRY(scale_is_valid(record->multiplier, record->shift));
    TRY(require(record->diff_min <= 0, "diff_min is positive"));
    TRY(require(record->row_size <= 4095, "a softmax row is longer than 4095"));
    extents->bytes[HWP_OPERAND_INPUT] =
        multiply((uint32_t)record->rows, (uint32_t)record->row_size);
    extents->bytes[HWP_OPERAND_OUTPUT] = extents->bytes[HWP_OPERAND_INPUT];
    return NULL;
}

const char *hwp_rules_requantise(const struct hwp_requantise *record,
                                 struct hwp_extents *extents)
{
    TRY(elementwise(record->size, extents));
    TRY(offsets_are_zero_points(record->input_offset, record->output_offset));
    return scale_is_valid(record->multiplier, record->shift);
}

const char *hwp_rules_mean(const struct hwp_mean *record, struct hwp_extents *extents)
{
    TRY(require(record->pixels > 0 && record->channels > 0, "a size is not positive"));
    TRY(require(record->pixels <= MAX_PIXELS, "a mean runs over more than 4194303 pixels"));
    TRY(offsets_are_zero_points(record->input_offset, record->output_offset));
    /* Half of the least multiplier elsewhere: it is divided by the pixels over a power of two. */
    TRY(require(record->multiplier >= (int32_t)(1u << 29) && within(record->shift, -31, 30),
                "a multiplier or shift is out of range"));
    extents->bytes[HWP_OPERAND_INPUT] =
        multiply((uint32_t)record->pixels, (uint32_t)record->channels);
    extents->bytes[HWP_OPERAND_OUTPUT] = (uint32_t)record->channels;
    extents->bytes[HWP_OPERAND_SCRATCH] = multiply((uint32_t)record->channels, 4u);
    return NULL;
}
