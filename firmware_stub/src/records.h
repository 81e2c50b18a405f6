/* What each opcode is: its operands, its rules, its kernel. */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdint.h>

#include "hwp_program.h"
#include "kernels.h"
#include "regions.h"

/* NULL, or the rule that the record breaks. Content of constants is checked too. */
const char *hwp_record_check(const struct hwp_record *record, const struct hwp_regions *regions);

/* The functions below take only records that hwp_record_check has passed. */

void hwp_record_bind(const struct hwp_record *record, const struct hwp_regions *regions,
                     struct hwp_operands *operands);

typedef void (*hwp_kernel)(const void *words, const struct hwp_operands *operands);
hwp_kernel hwp_record_kernel(const struct hwp_record *record);

/* Bytes of the tensor that the record writes to. */
uint32_t hwp_record_output_bytes(const struct hwp_record *record);

static inline const uint32_t *hwp_record_words(const struct hwp_record *record)
{
    return (const uint32_t *)(record + 1);
}

static inline const struct hwp_record *hwp_record_next(const struct hwp_record *record)
{
    return (const struct hwp_record *)(hwp_record_words(record) + record->word_count);
}

#endif
