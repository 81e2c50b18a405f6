/* The cycle counter; board.h has its reading. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdbool.h>

void counter_start(void);

bool counter_is_on(void);

#endif
