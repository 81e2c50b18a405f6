/*
 * The int8 program a board runs, word by word: docs/FORMATS.md, "Program".
 * Generated from profiler/program.py by scripts/generate_program_header.py; do not edit.
 */
#ifndef HWP_PROGRAM_H
#define HWP_PROGRAM_H

#include <stdint.h>

/* Region in bits 31..28, byte offset in bits 27..0. */
typedef uint32_t hwp_address_t;

#define HWP_ADDRESS_REGION(address) ((address) >> 28)
#define HWP_ADDRESS_OFFSET_BYTES(address) ((address) & 0x0FFFFFFFu)

#define HWP_PROGRAM_MAGIC 0x50505748u
#define HWP_PROGRAM_VERSION 2u
#define HWP_POOL_BYTES 1048576u

enum hwp_region {
    HWP_REGION_ACTIVATIONS = 0,
    HWP_REGION_WEIGHTS = 1,
    HWP_REGION_POOL = 2,
    HWP_REGION_SCRATCH = 3,
    HWP_REGION_CONSTANTS = 4,
    HWP_REGION_COUNT = 5,
};

enum hwp_constant_kind {
    HWP_CONSTANT_DATA = 0,
    HWP_CONSTANT_FILL = 1,
    HWP_CONSTANT_POOL = 2,
};

enum hwp_requantisation {
    HWP_REQUANTISE_BY_MULTIPLIER = 0,
    HWP_REQUANTISE_BY_SHIFT = 1,
};

enum hwp_opcode {
    HWP_OPCODE_CONV2D = 1,
    HWP_OPCODE_DEPTHWISE = 2,
    HWP_OPCODE_FULLY_CONNECTED = 3,
    HWP_OPCODE_AVERAGE_POOL = 4,
    HWP_OPCODE_MAX_POOL = 5,
    HWP_OPCODE_ADD = 6,
    HWP_OPCODE_MUL = 7,
    HWP_OPCODE_STRIDED_COPY = 8,
    HWP_OPCODE_FILL = 9,
    HWP_OPCODE_TRANSPOSE = 10,
    HWP_OPCODE_RESIZE_NEAREST = 11,
    HWP_OPCODE_LOOKUP = 12,
    HWP_OPCODE_SOFTMAX = 13,
    HWP_OPCODE_REQUANTISE = 14,
    HWP_OPCODE_SUB = 15,
    HWP_OPCODE_MEAN = 16,
};

struct hwp_header {
    uint32_t magic;
    uint32_t version;
    uint32_t total_bytes;
    uint32_t activations_bytes;
    uint32_t weights_bytes;
    uint32_t scratch_bytes;
    uint32_t constants_bytes;
    uint32_t input_count;
    uint32_t output_count;
    uint32_t constant_count;
    uint32_t record_count;
    uint32_t reserved;
};
_Static_assert(sizeof(struct hwp_header) == 48, "hwp_header is 12 words on the wire");

struct hwp_input {
    hwp_address_t address;
    uint32_t size_bytes;
    uint32_t pool_offset_bytes;
};
_Static_assert(sizeof(struct hwp_input) == 12, "hwp_input is 3 words on the wire");

struct hwp_output {
    hwp_address_t address;
    uint32_t size_bytes;
};
_Static_assert(sizeof(struct hwp_output) == 8, "hwp_output is 2 words on the wire");

/* Followed by the data, or one fill word, or pool_offset_bytes and left_shift. */
struct hwp_constant {
    uint32_t kind;
    hwp_address_t address;
    uint32_t size_bytes;
};
_Static_assert(sizeof(struct hwp_constant) == 12, "hwp_constant is 3 words on the wire");

/* Followed by word_count words: one of the structs below. */
struct hwp_record {
    uint32_t opcode;
    uint32_t word_count;
};
_Static_assert(sizeof(struct hwp_record) == 8, "hwp_record is 2 words on the wire");

/* Weights (out_c, kernel_h, kernel_w, in_c / groups); offsets are minus/plus the zero points. */
struct hwp_conv2d {
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
    int32_t groups;
    int32_t input_offset;
    int32_t output_offset;
    hwp_address_t weights;
    hwp_address_t bias;
    hwp_address_t multiplier;
    hwp_address_t shift;
    hwp_address_t scratch;
    hwp_address_t weight_zero_point;
    hwp_address_t bias_shift;
    int32_t requantisation;
    int32_t per_channel;
    int32_t has_weight_zero_point;
};
_Static_assert(sizeof(struct hwp_conv2d) == 116,
               "hwp_conv2d is 29 words on the wire");

/* Weights (kernel_h, kernel_w, out_c); out_c = in_c * channel multiplier. */
struct hwp_depthwise {
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
    int32_t input_offset;
    int32_t output_offset;
    hwp_address_t weights;
    hwp_address_t bias;
    hwp_address_t multiplier;
    hwp_address_t shift;
    hwp_address_t scratch;
    hwp_address_t weight_zero_point;
    hwp_address_t bias_shift;
    int32_t requantisation;
    int32_t per_channel;
    int32_t has_weight_zero_point;
};
_Static_assert(sizeof(struct hwp_depthwise) == 112,
               "hwp_depthwise is 28 words on the wire");

/* Weights (out_features, in_features); an output is a channel. */
struct hwp_fully_connected {
    hwp_address_t input;
    hwp_address_t output;
    int32_t in_features;
    int32_t out_features;
    int32_t activation_min;
    int32_t activation_max;
    int32_t input_offset;
    int32_t output_offset;
    hwp_address_t weights;
    hwp_address_t bias;
    hwp_address_t multiplier;
    hwp_address_t shift;
    hwp_address_t scratch;
    hwp_address_t weight_zero_point;
    hwp_address_t bias_shift;
    int32_t requantisation;
    int32_t per_channel;
    int32_t has_weight_zero_point;
};
_Static_assert(sizeof(struct hwp_fully_connected) == 72,
               "hwp_fully_connected is 18 words on the wire");

/* Rounds half away from zero; a padded element counts as `zero_point` if included. */
struct hwp_average_pool {
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
    int32_t count_include_pad;
    int32_t zero_point;
    hwp_address_t scratch;
};
_Static_assert(sizeof(struct hwp_average_pool) == 76,
               "hwp_average_pool is 19 words on the wire");

/* Maximum over the window, padding left out. */
struct hwp_max_pool {
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
_Static_assert(sizeof(struct hwp_max_pool) == 64,
               "hwp_max_pool is 16 words on the wire");

/* Both inputs are scaled up by `left_shift` bits, rescaled, added, rescaled. */
struct hwp_add {
    hwp_address_t input_1;
    hwp_address_t input_2;
    hwp_address_t output;
    int32_t size;
    int32_t input_1_offset;
    int32_t input_1_multiplier;
    int32_t input_1_shift;
    int32_t input_2_offset;
    int32_t input_2_multiplier;
    int32_t input_2_shift;
    int32_t left_shift;
    int32_t output_offset;
    int32_t output_multiplier;
    int32_t output_shift;
    int32_t activation_min;
    int32_t activation_max;
};
_Static_assert(sizeof(struct hwp_add) == 64,
               "hwp_add is 16 words on the wire");

/* (a + offset) * (b + offset), rescaled. */
struct hwp_mul {
    hwp_address_t input_1;
    hwp_address_t input_2;
    hwp_address_t output;
    int32_t size;
    int32_t input_1_offset;
    int32_t input_2_offset;
    int32_t output_offset;
    int32_t output_multiplier;
    int32_t output_shift;
    int32_t activation_min;
    int32_t activation_max;
};
_Static_assert(sizeof(struct hwp_mul) == 44,
               "hwp_mul is 11 words on the wire");

/*
 * Copies a strided box of one (h, w, c) tensor to a dense box of another.
 *
 * Serves slice, split, concat and the inside of pad: out[dst + i] = in[src + i * step].
 */
struct hwp_strided_copy {
    hwp_address_t input;
    hwp_address_t output;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t copy_h;
    int32_t copy_w;
    int32_t copy_c;
    int32_t src_h;
    int32_t src_w;
    int32_t src_c;
    int32_t step_h;
    int32_t step_w;
    int32_t step_c;
    int32_t dst_h;
    int32_t dst_w;
    int32_t dst_c;
};
_Static_assert(sizeof(struct hwp_strided_copy) == 80,
               "hwp_strided_copy is 20 words on the wire");

/* Sets `size` bytes to `value`: the border of pad, before the copy of its inside. */
struct hwp_fill {
    hwp_address_t output;
    int32_t size;
    int32_t value;
};
_Static_assert(sizeof(struct hwp_fill) == 12,
               "hwp_fill is 3 words on the wire");

/* Permutes four axes; output axis i is input axis `perm_i`. */
struct hwp_transpose {
    hwp_address_t input;
    hwp_address_t output;
    int32_t dim_0;
    int32_t dim_1;
    int32_t dim_2;
    int32_t dim_3;
    int32_t perm_0;
    int32_t perm_1;
    int32_t perm_2;
    int32_t perm_3;
};
_Static_assert(sizeof(struct hwp_transpose) == 40,
               "hwp_transpose is 10 words on the wire");

/* Source index is floor(i * in / out) on each axis. */
struct hwp_resize_nearest {
    hwp_address_t input;
    hwp_address_t output;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
};
_Static_assert(sizeof(struct hwp_resize_nearest) == 28,
               "hwp_resize_nearest is 7 words on the wire");

/* output[i] = table[input[i] + 128]; the table has 256 int8 entries. */
struct hwp_lookup {
    hwp_address_t input;
    hwp_address_t output;
    hwp_address_t table;
    int32_t size;
};
_Static_assert(sizeof(struct hwp_lookup) == 16,
               "hwp_lookup is 4 words on the wire");

/* TFLite's int8 softmax over rows; output scale 1/256, zero point -128. */
struct hwp_softmax {
    hwp_address_t input;
    hwp_address_t output;
    int32_t rows;
    int32_t row_size;
    int32_t multiplier;
    int32_t shift;
    int32_t diff_min;
};
_Static_assert(sizeof(struct hwp_softmax) == 28,
               "hwp_softmax is 7 words on the wire");

/* output = clamp(rescale(input + input_offset) + output_offset). */
struct hwp_requantise {
    hwp_address_t input;
    hwp_address_t output;
    int32_t size;
    int32_t input_offset;
    int32_t multiplier;
    int32_t shift;
    int32_t output_offset;
};
_Static_assert(sizeof(struct hwp_requantise) == 28,
               "hwp_requantise is 7 words on the wire");

/* As add, with the second input taken away. */
struct hwp_sub {
    hwp_address_t input_1;
    hwp_address_t input_2;
    hwp_address_t output;
    int32_t size;
    int32_t input_1_offset;
    int32_t input_1_multiplier;
    int32_t input_1_shift;
    int32_t input_2_offset;
    int32_t input_2_multiplier;
    int32_t input_2_shift;
    int32_t left_shift;
    int32_t output_offset;
    int32_t output_multiplier;
    int32_t output_shift;
    int32_t activation_min;
    int32_t activation_max;
};
_Static_assert(sizeof(struct hwp_sub) == 64,
               "hwp_sub is 16 words on the wire");

/* Mean over `pixels`; the multiplier divides by their number, so it may be half of others. */
struct hwp_mean {
    hwp_address_t input;
    hwp_address_t output;
    int32_t pixels;
    int32_t channels;
    int32_t input_offset;
    int32_t multiplier;
    int32_t shift;
    int32_t output_offset;
    hwp_address_t scratch;
};
_Static_assert(sizeof(struct hwp_mean) == 36,
               "hwp_mean is 9 words on the wire");

/* X(struct and function suffix, opcode suffix) for every record. */
#define HWP_RECORDS(X) \
    X(conv2d, CONV2D) \
    X(depthwise, DEPTHWISE) \
    X(fully_connected, FULLY_CONNECTED) \
    X(average_pool, AVERAGE_POOL) \
    X(max_pool, MAX_POOL) \
    X(add, ADD) \
    X(mul, MUL) \
    X(strided_copy, STRIDED_COPY) \
    X(fill, FILL) \
    X(transpose, TRANSPOSE) \
    X(resize_nearest, RESIZE_NEAREST) \
    X(lookup, LOOKUP) \
    X(softmax, SOFTMAX) \
    X(requantise, REQUANTISE) \
    X(sub, SUB) \
    X(mean, MEAN)

#endif
