/* What the records of the last run cost, as far back as there is room to keep it. */
#ifndef RESULTS_H
#define RESULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "interpreter.h"

/* Consecutive records of one repeat of one run, which the sequence number of its request names. */
struct hwp_result_range {
    uint32_t run;
    uint32_t repeat;
    uint32_t first;
    uint32_t count;
};

/* Forgets every run. */
void hwp_results_forget(void);

/* A run of programs of so many records begins. */
void hwp_results_begin(uint32_t run, uint32_t record_count);

/* Whether this run was begun and nothing else since. */
bool hwp_results_are_of(uint32_t run);

/* The next record of the run has cost this. */
void hwp_results_add(struct hwp_measured measured);

/* Whether all of the range is still here. */
bool hwp_results_hold(const struct hwp_result_range *range);

/* Writes a range that is here as RESULTS has it, and returns the size in bytes. */
uint32_t hwp_results_put(uint8_t *bytes, const struct hwp_result_range *range);

#endif
