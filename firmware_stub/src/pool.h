/* The pool of docs/FORMATS.md, "Seeded tensors": finding it, and making it where there is none. */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "hwp_program.h"

/* Whether the pool lies at an address, by a sample of its words; HELLO's checksum covers all. */
bool hwp_pool_is_at(const int8_t *pool);

/* Fills HWP_POOL_BYTES. */
void hwp_pool_make(int8_t *pool);

#endif
