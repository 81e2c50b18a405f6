/* What a chip out of reset needs before the board API works: power, clocks, pins, memories. */
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stdint.h>

/* Watchdogs off, voltage up, clocks, pins and MPU set. Called once, caches not yet on. */
void chip_start(void);

/* Whether the tightly coupled memories are 256 KiB each, as this image is linked for. */
bool chip_split_is_right(void);

#endif
