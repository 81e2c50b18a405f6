/* The RT1170's table; in a file of its own, so that no compiler knows what a loader may rewrite. */
#include "board_table.h"

#include "memory_map.h"

#define RAM_FLAGS (BOARD_HOLDS_ACTIVATIONS | BOARD_TAKES_WEIGHTS | BOARD_HOLDS_SCRATCH)

BOARD_TABLE const struct board_description board_table = {
    .name = "rt1170",
    .code_memory = "itcm",
    .clock_hz = 996000000u,
    .starts_chip = 1,
    .program = {(uint32_t *)PROGRAM_BASE, PROGRAM_BYTES},
    .constants = {(uint32_t *)CONSTANTS_BASE, CONSTANTS_BYTES},
    .pool = (const int8_t *)POOL_BASE,
    .memory_count = 4,
    .memories = {
        {"dtcm", (uint8_t *)ARENA_BASE, ARENA_BYTES, RAM_FLAGS},
        {"ocram", (uint8_t *)OCRAM_BASE, OCRAM_BYTES, RAM_FLAGS},
        {"sdram", (uint8_t *)SDRAM_BASE, SDRAM_BYTES, RAM_FLAGS},
        {"flash", (uint8_t *)STAGED_BASE, STAGED_BYTES, BOARD_STAGES_WEIGHTS},
    },
};
