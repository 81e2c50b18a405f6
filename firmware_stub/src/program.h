/* A program as received: checked once, then walked without checks. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdint.h>

#include "hwp_program.h"
#include "hwp_protocol.h"
#include "regions.h"

struct hwp_program {
    const struct hwp_header *header;
    const struct hwp_input *inputs;
    const struct hwp_record *records;
    struct hwp_regions regions;
};

/*
 * Checks every word of the program that lies in board.program, lays out its regions and makes its
 * constants. After a refusal the program may not be used.
 */
struct hwp_result hwp_program_prepare(struct hwp_program *program, uint32_t size_bytes,
                                      const struct hwp_placement *placement);

/* Copies each input's slice of the pool to its tensor. */
void hwp_program_fill_inputs(const struct hwp_program *program);

#endif
