/* What the i.MX RT1170 starts with and offers; counter, caches and line have files of their own. */
#include "board.h"

#include <stddef.h>

#include "board_table.h"
#include "caches.h"
#include "chip.h"
#include "clocks.h"
#include "counter.h"
#include "line.h"
#include "memories.h"
#include "memory_map.h"
#include "mpu.h"
#include "pool.h"
#include "registers.h"
#include "sdram.h"

/* Fuses of the unique id: PERI_OCOTP.h of the MCUX SDK, micropython ports/mimxrt. */
#define UNIQUE_ID_LOW OCOTP_FUSE(0x10u)
#define UNIQUE_ID_HIGH OCOTP_FUSE(0x11u)

struct board_description board;

static void leave_out(struct board_memory *memory)
{
    memory->size_bytes = 0;
    memory->flags = 0;
}

/* A memory that does not answer is not offered. */
static void test_sdram(struct board_memory *memory)
{
    bool answers = sdram_start();
    if (answers) {
        mpu_open(MPU_SDRAM, true);
        answers = memory_keeps(memory->start, memory->size_bytes);
    }
    if (!answers) {
        mpu_open(MPU_SDRAM, false);
        leave_out(memory);
    }
}

/* Takes the last MiB of a memory for a pool made here; false if it has none to spare. */
static bool make_pool(struct board_memory *memory)
{
    if (memory->size_bytes <= HWP_POOL_BYTES) {
        return false;
    }
    memory->size_bytes -= HWP_POOL_BYTES;
    int8_t *pool = (int8_t *)memory->start + memory->size_bytes;
    hwp_pool_make(pool);
    board.pool = pool;
    return true;
}

/* An image in RAM works without a programmed flash, but then no weights can lie in flash. */
static void find_pool(void)
{
    bool has_flash = memory_flash_is_on() && memory_answers(board.pool);
    if (has_flash && hwp_pool_is_at(board.pool)) {
        return;
    }
    mpu_open(MPU_FLASH, has_flash);
    bool is_made = false;
    for (uint32_t i = board.memory_count; i > 0; i--) {
        struct board_memory *memory = &board.memories[i - 1u];
        if (memory->flags == BOARD_STAGES_WEIGHTS) {
            leave_out(memory);
        } else if (!is_made) {
            is_made = make_pool(memory);
        }
    }
}

static void take_stock(void)
{
    board.clock_hz = clocks_core_hz();
    for (uint32_t i = 0; i < board.memory_count; i++) {
        if (board.memories[i].start == (uint8_t *)SDRAM_BASE) {
            test_sdram(&board.memories[i]);
        }
    }
    find_pool();
}

void board_initialise(void)
{
    board = board_table;
    if (board_table.starts_chip != 0) {
        chip_start();
    }
    caches_start();
    counter_start();
    line_start();
    if (board_table.starts_chip != 0) {
        take_stock();
        /* What start-up read is not to show in the first warm run. */
        board_forget_caches();
        board_forget_branches();
    }
}

const char *board_fault(void)
{
    if (!counter_is_on()) {
        return "the cycle counter is switched off";
    }
    if (!caches_are_on()) {
        return "the caches are not both on";
    }
    if (board_table.starts_chip == 0) {
        return NULL;
    }
    if (clocks_core_hz() != board_table.clock_hz) {
        return "the core does not run at the clock that start-up sets";
    }
    if (!chip_split_is_right()) {
        return "FlexRAM is not split into 256 KiB of ITCM and 256 KiB of DTCM";
    }
    return NULL;
}

static char *put_hex(char *text, uint32_t word)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        *text++ = "0123456789abcdef"[(word >> shift) & 0xFu];
    }
    return text;
}

void board_identity(char text[BOARD_IDENTITY_BYTES])
{
    char *end = put_hex(put_hex(text, UNIQUE_ID_HIGH), UNIQUE_ID_LOW);
    *end = 0;
}
