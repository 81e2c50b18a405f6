/* Supply of the core for 996 MHz. */
#ifndef POWER_H
#define POWER_H

#include <stdbool.h>

/* Raises the core's voltage, biases it for overdrive and supplies the PLLs; false if it cannot. */
bool power_raise(void);

#endif
