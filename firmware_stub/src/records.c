/*
 * The table of operations. Bounds, alignment, region and overlap of operands are checked here once
 * for all opcodes, from the sizes that each opcode's own rules (record_rules.c) return.
 */
#include "records.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "record_rules.h"

/* Word index of a field plus one, so that 0 says that a record has no such operand. */
#define AT(name, field) (uint8_t)(offsetof(struct hwp_##name, field) / 4u + 1u)

#define UNARY_SLOTS(name) \
    [HWP_OPERAND_INPUT] = AT(name, input), [HWP_OPERAND_OUTPUT] = AT(name, output)
#define BINARY_SLOTS(name)                        \
    [HWP_OPERAND_INPUT] = AT(name, input_1),      \
    [HWP_OPERAND_INPUT_2] = AT(name, input_2),    \
    [HWP_OPERAND_OUTPUT] = AT(name, output)
#define WEIGHTED_SLOTS(name)                           \
    UNARY_SLOTS(name),                                 \
    [HWP_OPERAND_WEIGHTS] = AT(name, weights),         \
    [HWP_OPERAND_BIAS] = AT(name, bias),               \
    [HWP_OPERAND_MULTIPLIER] = AT(name, multiplier),   \
    [HWP_OPERAND_SHIFT] = AT(name, shift),             \
    [HWP_OPERAND_SCRATCH] = AT(name, scratch),         \
    [HWP_OPERAND_WEIGHT_ZERO_POINT] = AT(name, weight_zero_point), \
    [HWP_OPERAND_BIAS_SHIFT] = AT(name, bias_shift)

#define SLOTS_conv2d WEIGHTED_SLOTS(conv2d)
#define SLOTS_depthwise WEIGHTED_SLOTS(depthwise)
#define SLOTS_fully_connected WEIGHTED_SLOTS(fully_connected)
#define SLOTS_average_pool \
    UNARY_SLOTS(average_pool), [HWP_OPERAND_SCRATCH] = AT(average_pool, scratch)
#define SLOTS_max_pool UNARY_SLOTS(max_pool)
#define SLOTS_add BINARY_SLOTS(add)
#define SLOTS_mul BINARY_SLOTS(mul)
#define SLOTS_strided_copy UNARY_SLOTS(strided_copy)
#define SLOTS_fill [HWP_OPERAND_OUTPUT] = AT(fill, output)
#define SLOTS_transpose UNARY_SLOTS(transpose)
#define SLOTS_resize_nearest UNARY_SLOTS(resize_nearest)
#define SLOTS_lookup UNARY_SLOTS(lookup), [HWP_OPERAND_TABLE] = AT(lookup, table)
#define SLOTS_softmax UNARY_SLOTS(softmax)
#define SLOTS_requantise UNARY_SLOTS(requantise)
#define SLOTS_sub BINARY_SLOTS(sub)
#define SLOTS_mean UNARY_SLOTS(mean), [HWP_OPERAND_SCRATCH] = AT(mean, scratch)

struct operation {
    uint32_t word_count;
    const char *(*rules)(const void *words, struct hwp_extents *extents);
    hwp_kernel kernel;
    uint8_t slots[HWP_OPERAND_COUNT];
};

#define THUNKS(name, upper)                                                                       \
    static const char *rules_##name(const void *words, struct hwp_extents *extents)               \
    {                                                                                             \
        return hwp_rules_##name(words, extents);                                                  \
    }                                                                                             \
    static void run_##name(const void *words, const struct hwp_operands *operands)                \
    {                                                                                             \
        hwp_##name##_s8(words, operands);                                                         \
    }
HWP_RECORDS(THUNKS)

#define ROW(name, upper)                                                                          \
    [HWP_OPCODE_##upper] = {sizeof(struct hwp_##name) / 4u, rules_##name, run_##name,             \
                            {SLOTS_##name}},
static const struct operation operations[] = {HWP_RECORDS(ROW)};

/* Regions that an operand may lie in, as a bit set. */
#define IN(region) (1u << HWP_REGION_##region)
static const uint8_t regions_of_operand[HWP_OPERAND_COUNT] = {
    [HWP_OPERAND_INPUT] = IN(ACTIVATIONS),
    [HWP_OPERAND_INPUT_2] = IN(ACTIVATIONS),
    [HWP_OPERAND_OUTPUT] = IN(ACTIVATIONS),
    [HWP_OPERAND_WEIGHTS] = IN(WEIGHTS) | IN(POOL) | IN(CONSTANTS),
    [HWP_OPERAND_BIAS] = IN(CONSTANTS) | IN(WEIGHTS),
    [HWP_OPERAND_MULTIPLIER] = IN(CONSTANTS) | IN(WEIGHTS),
    [HWP_OPERAND_SHIFT] = IN(CONSTANTS) | IN(WEIGHTS),
    [HWP_OPERAND_TABLE] = IN(CONSTANTS) | IN(WEIGHTS),
    [HWP_OPERAND_SCRATCH] = IN(SCRATCH),
    [HWP_OPERAND_WEIGHT_ZERO_POINT] = IN(CONSTANTS) | IN(WEIGHTS),
    [HWP_OPERAND_BIAS_SHIFT] = IN(CONSTANTS) | IN(WEIGHTS),
};

static const struct operation *operation_of(const struct hwp_record *record)
{
    return &operations[record->opcode];
}

static bool is_known(uint32_t opcode)
{
    return opcode < sizeof operations / sizeof operations[0] && operations[opcode].rules != NULL;
}

static hwp_address_t address_of(const struct hwp_record *record, uint32_t operand)
{
    return hwp_record_words(record)[operation_of(record)->slots[operand] - 1u];
}

static bool overlap(hwp_address_t a, uint32_t a_bytes, hwp_address_t b, uint32_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

/* The output may not touch an input, but an element-wise operation may write over one. */
static bool output_is_free(const struct hwp_record *record, const struct hwp_extents *extents)
{
    hwp_address_t output = address_of(record, HWP_OPERAND_OUTPUT);
    uint32_t output_bytes = extents->bytes[HWP_OPERAND_OUTPUT];
    for (uint32_t operand = HWP_OPERAND_INPUT; operand <= HWP_OPERAND_INPUT_2; operand++) {
        uint32_t input_bytes = extents->bytes[operand];
        if (input_bytes == 0) {
            continue;
        }
        hwp_address_t input = address_of(record, operand);
        bool in_place = extents->elementwise && input == output;
        if (!in_place && overlap(input, input_bytes, output, output_bytes)) {
            return false;
        }
    }
    return true;
}

static const char *check_operand(const struct hwp_record *record, uint32_t operand,
                                 uint32_t size_bytes, const struct hwp_regions *regions)
{
    hwp_address_t address = address_of(record, operand);
    uint32_t region = HWP_ADDRESS_REGION(address);
    if (region >= HWP_REGION_COUNT || ((regions_of_operand[operand] >> region) & 1u) == 0) {
        return "an operand lies in a region that is not for it";
    }
    if (address % 4u != 0) {
        return "an operand is not on a word boundary";
    }
    if (!hwp_regions_hold(regions, address, size_bytes)) {
        return "an operand reaches beyond its region";
    }
    return NULL;
}

static const char *check_operands(const struct hwp_record *record,
                                  const struct hwp_extents *extents,
                                  const struct hwp_regions *regions)
{
    for (uint32_t operand = 0; operand < HWP_OPERAND_COUNT; operand++) {
        uint32_t size_bytes = extents->bytes[operand];
        const char *rule =
            size_bytes == 0 ? NULL : check_operand(record, operand, size_bytes, regions);
        if (rule != NULL) {
            return rule;
        }
    }
    return output_is_free(record, extents) ? NULL : "the output overlaps an input";
}

/* Multipliers, shifts and zero points of each channel, which a kernel takes as they are. */
static const char *check_scales(const struct hwp_record *record,
                                const struct hwp_extents *extents,
                                const struct hwp_regions *regions)
{
    struct hwp_operands operands;
    const uint32_t *bytes = extents->bytes;
    uint32_t scales = bytes[HWP_OPERAND_SHIFT] / 4u;
    hwp_record_bind(record, regions, &operands);
    for (uint32_t i = 0; i < scales; i++) {
        bool valid = bytes[HWP_OPERAND_MULTIPLIER] != 0
                         ? hwp_rules_scale(operands.multiplier[i], operands.shift[i])
                         : hwp_rules_places(operands.shift[i]) &&
                               hwp_rules_places(operands.bias_shift[i]);
        if (!valid) {
            return "a channel's multiplier or shift is out of range";
        }
        if (bytes[HWP_OPERAND_WEIGHT_ZERO_POINT] != 0 && operands.weight_zero_point[i] != 0 &&
            !hwp_kernels_take_weight_zero_points) {
            return "these kernels take no zero points of weights; the reference kernels do";
        }
    }
    return NULL;
}

const char *hwp_record_check(const struct hwp_record *record, const struct hwp_regions *regions)
{
    struct hwp_extents extents = {{0}, false};
    if (!is_known(record->opcode)) {
        return "its opcode is unknown to this firmware";
    }
    if (record->word_count != operation_of(record)->word_count) {
        return "it has another number of words than its opcode";
    }
    const char *rule = operation_of(record)->rules(hwp_record_words(record), &extents);
    if (rule == NULL) {
        rule = check_operands(record, &extents, regions);
    }
    return rule == NULL ? check_scales(record, &extents, regions) : rule;
}

_Static_assert(sizeof(struct hwp_operands) == HWP_OPERAND_COUNT * sizeof(void *),
               "struct hwp_operands has one pointer for each enum hwp_operand, in order");

void hwp_record_bind(const struct hwp_record *record, const struct hwp_regions *regions,
                     struct hwp_operands *operands)
{
    const uint8_t *slots = operation_of(record)->slots;
    unsigned char *pointers = (unsigned char *)operands;
    for (uint32_t operand = 0; operand < HWP_OPERAND_COUNT; operand++) {
        /* Empty scratch may have any address: it is not read. */
        void *pointer = NULL;
        if (slots[operand] != 0 && hwp_regions_hold(regions, address_of(record, operand), 1)) {
            pointer = hwp_regions_pointer(regions, address_of(record, operand));
        }
        memcpy(pointers + operand * sizeof pointer, &pointer, sizeof pointer);
    }
}

hwp_kernel hwp_record_kernel(const struct hwp_record *record)
{
    return operation_of(record)->kernel;
}

uint32_t hwp_record_output_bytes(const struct hwp_record *record)
{
    struct hwp_extents extents = {{0}, false};
    operation_of(record)->rules(hwp_record_words(record), &extents);
    return extents.bytes[HWP_OPERAND_OUTPUT];
}
