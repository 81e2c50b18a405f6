/* Runs a prepared program and counts the cycles of each record. */
#ifndef INTERPRETER_H
#define INTERPRETER_H

#include <stdbool.h>
#include <stdint.h>

#include "program.h"

struct hwp_measured {
    uint64_t cycles;
    uint32_t crc32; /* of the output tensor, 0 if not asked for */
};

/* Whether board_cycles moves. */
bool hwp_cycle_counter_runs(void);

/* Runs one record of a prepared program. A record longer than 2^32 cycles is counted modulo that. */
struct hwp_measured hwp_run_record(const struct hwp_program *program,
                                   const struct hwp_record *record, bool checksum);

#endif
