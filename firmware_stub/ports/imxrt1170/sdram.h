/* The two chips of SDRAM on the MIMXRT1170-EVK. */
#ifndef SDRAM_H
#define SDRAM_H

#include <stdbool.h>
#include <stdint.h>

/* Sets up the controller and wakes the SDRAM; false if the controller reports an error. */
bool sdram_start(void);

#endif
