/* Reads docs/FORMATS.md, "Program"; nothing is read that the cursor has not bounded. */
#include "program.h"

#include <stddef.h>
#include <string.h>

#include "board.h"
#include "records.h"

#define MAX_LEFT_SHIFT 24u /* an int8 shifted further leaves int32 */

struct cursor {
    const uint32_t *next;
    uint32_t words_left;
};

/* The next `words` words, or NULL if the program ends before. */
static const void *take(struct cursor *cursor, uint32_t words)
{
    if (words > cursor->words_left) {
        return NULL;
    }
    const uint32_t *taken = cursor->next;
    cursor->next += words;
    cursor->words_left -= words;
    return taken;
}

#define TAKE(cursor, type) ((const type *)take((cursor), sizeof(type) / 4u))

static struct hwp_result broken(const char *rule)
{
    return hwp_refuse(HWP_ERROR_PROGRAM, rule);
}

static struct hwp_result check_header(const struct hwp_header *header, uint32_t size_bytes)
{
    if (header == NULL || header->magic != HWP_PROGRAM_MAGIC) {
        return broken("the bytes are no program");
    }
    if (header->version != HWP_PROGRAM_VERSION) {
        return broken("the program has a format version that this firmware does not read");
    }
    if (header->total_bytes != size_bytes || header->reserved != 0) {
        return broken("the program's header does not fit its bytes");
    }
    return hwp_done();
}

static bool tensor_is_valid(const struct hwp_regions *regions, hwp_address_t address,
                            uint32_t size_bytes)
{
    return HWP_ADDRESS_REGION(address) == HWP_REGION_ACTIVATIONS && size_bytes > 0 &&
           hwp_regions_hold(regions, address, size_bytes);
}

static struct hwp_result read_inputs(struct hwp_program *program, struct cursor *cursor)
{
    program->inputs = (const struct hwp_input *)cursor->next;
    for (uint32_t i = 0; i < program->header->input_count; i++) {
        const struct hwp_input *input = TAKE(cursor, struct hwp_input);
        if (input == NULL) {
            return broken("the program ends inside its inputs");
        }
        if (!tensor_is_valid(&program->regions, input->address, input->size_bytes)) {
            return broken("an input lies outside the activations");
        }
        if (input->pool_offset_bytes > HWP_POOL_BYTES ||
            input->size_bytes > HWP_POOL_BYTES - input->pool_offset_bytes) {
            return broken("an input's slice reaches beyond the pool");
        }
    }
    return hwp_done();
}

static struct hwp_result read_outputs(struct hwp_program *program, struct cursor *cursor)
{
    for (uint32_t i = 0; i < program->header->output_count; i++) {
        const struct hwp_output *output = TAKE(cursor, struct hwp_output);
        if (output == NULL) {
            return broken("the program ends inside its outputs");
        }
        if (!tensor_is_valid(&program->regions, output->address, output->size_bytes)) {
            return broken("an output lies outside the activations");
        }
    }
    return hwp_done();
}

/* Makers of constants. `destination` is word aligned and holds size_bytes, a multiple of 4 but for
 * DATA; each takes its own words from the cursor and returns NULL or the rule that is broken. */

static const char *make_data(uint32_t *destination, uint32_t size_bytes, struct cursor *cursor)
{
    const void *data = take(cursor, size_bytes / 4u + (size_bytes % 4u != 0));
    if (data == NULL) {
        return "the program ends inside a constant";
    }
    memcpy(destination, data, size_bytes);
    return NULL;
}

static const char *make_fill(uint32_t *destination, uint32_t size_bytes, struct cursor *cursor)
{
    const uint32_t *word = take(cursor, 1);
    if (word == NULL) {
        return "the program ends inside a constant";
    }
    for (uint32_t i = 0; i < size_bytes / 4u; i++) {
        destination[i] = *word;
    }
    return NULL;
}

static const char *make_from_pool(uint32_t *destination, uint32_t size_bytes,
                                  struct cursor *cursor)
{
    const uint32_t *slice = take(cursor, 2);
    uint32_t words = size_bytes / 4u;
    if (slice == NULL) {
        return "the program ends inside a constant";
    }
    if (slice[0] > HWP_POOL_BYTES || words > HWP_POOL_BYTES - slice[0]) {
        return "a constant's slice reaches beyond the pool";
    }
    if (slice[1] > MAX_LEFT_SHIFT) {
        return "a constant's left shift is above 24";
    }
    for (uint32_t i = 0; i < words; i++) {
        destination[i] = (uint32_t)(int32_t)board.pool[slice[0] + i] << slice[1];
    }
    return NULL;
}

typedef const char *(*constant_maker)(uint32_t *, uint32_t, struct cursor *);

static const constant_maker makers[] = {
    [HWP_CONSTANT_DATA] = make_data,
    [HWP_CONSTANT_FILL] = make_fill,
    [HWP_CONSTANT_POOL] = make_from_pool,
};

static const char *make_constant(const struct hwp_regions *regions, struct cursor *cursor)
{
    const struct hwp_constant *constant = TAKE(cursor, struct hwp_constant);
    if (constant == NULL) {
        return "the program ends inside a constant";
    }
    if (constant->kind >= sizeof makers / sizeof makers[0]) {
        return "a constant is of an unknown kind";
    }
    if (HWP_ADDRESS_REGION(constant->address) != HWP_REGION_CONSTANTS ||
        constant->address % 4u != 0 ||
        !hwp_regions_hold(regions, constant->address, constant->size_bytes)) {
        return "a constant lies outside its region";
    }
    uint32_t *destination = (uint32_t *)(void *)hwp_regions_pointer(regions, constant->address);
    return makers[constant->kind](destination, constant->size_bytes, cursor);
}

static struct hwp_result read_constants(struct hwp_program *program, struct cursor *cursor)
{
    for (uint32_t i = 0; i < program->header->constant_count; i++) {
        const char *rule = make_constant(&program->regions, cursor);
        if (rule != NULL) {
            return broken(rule);
        }
    }
    return hwp_done();
}

static const char *read_record(const struct hwp_regions *regions, struct cursor *cursor)
{
    const struct hwp_record *record = TAKE(cursor, struct hwp_record);
    if (record == NULL || take(cursor, record->word_count) == NULL) {
        return "the program ends inside it";
    }
    return hwp_record_check(record, regions);
}

static struct hwp_result read_records(struct hwp_program *program, struct cursor *cursor)
{
    program->records = (const struct hwp_record *)cursor->next;
    for (uint32_t i = 0; i < program->header->record_count; i++) {
        const char *rule = read_record(&program->regions, cursor);
        if (rule != NULL) {
            return (struct hwp_result){HWP_ERROR_PROGRAM, rule, (int32_t)i};
        }
    }
    return cursor->words_left == 0 ? hwp_done() : broken("the program has bytes behind its end");
}

struct hwp_result hwp_program_prepare(struct hwp_program *program, uint32_t size_bytes,
                                      const struct hwp_placement *placement)
{
    static struct hwp_result (*const parts[])(struct hwp_program *, struct cursor *) = {
        read_inputs, read_outputs, read_constants, read_records};
    struct cursor cursor = {board.program.start, size_bytes / 4u};
    program->header = TAKE(&cursor, struct hwp_header);
    struct hwp_result result = check_header(program->header, size_bytes);
    if (result.code == HWP_OK) {
        result = hwp_regions_plan(&program->regions, placement, program->header);
    }
    for (uint32_t i = 0; i < sizeof parts / sizeof parts[0] && result.code == HWP_OK; i++) {
        result = parts[i](program, &cursor);
    }
    return result;
}

void hwp_program_fill_inputs(const struct hwp_program *program)
{
    for (uint32_t i = 0; i < program->header->input_count; i++) {
        const struct hwp_input *input = &program->inputs[i];
        memcpy(hwp_regions_pointer(&program->regions, input->address),
               board.pool + input->pool_offset_bytes, input->size_bytes);
    }
}
