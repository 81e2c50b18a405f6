/* What this port knows of its board, as linked or as a loader wrote it. */
#ifndef BOARD_TABLE_H
#define BOARD_TABLE_H

#include "board.h"

extern const struct board_description board_table;

#endif
