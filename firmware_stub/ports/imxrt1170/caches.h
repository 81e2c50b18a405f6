/* Both caches. */
#ifndef CACHES_H
#define CACHES_H

#include <stdbool.h>

/* Empties what is off and turns it on. */
void caches_start(void);

bool caches_are_on(void);

#endif
