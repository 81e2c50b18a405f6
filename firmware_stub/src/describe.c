/* HELLO's answer. */
#include "describe.h"

#include <stdbool.h>

#include "board.h"
#include "crc32.h"
#include "frame.h"
#include "hwp_build.h"
#include "kernels.h"

static struct {
    bool is_known;
    uint32_t crc32;
} pool;

static uint8_t *put_memory(uint8_t *bytes, const struct board_memory *memory)
{
    bytes = hwp_put_text(bytes, memory->name, 12);
    bytes = hwp_put_u32(bytes, (uint32_t)(uintptr_t)memory->start);
    bytes = hwp_put_u32(bytes, memory->size_bytes);
    return hwp_put_u32(bytes, memory->flags);
}

/* Reading a megabyte of flash takes a while, so it happens once, when first asked for. */
static uint32_t pool_crc32(void)
{
    if (!pool.is_known) {
        pool.crc32 = hwp_crc32(board.pool, HWP_POOL_BYTES);
        pool.is_known = true;
    }
    return pool.crc32;
}

uint32_t hwp_describe(uint8_t *bytes)
{
    char identity[BOARD_IDENTITY_BYTES];
    board_identity(identity);
    uint8_t *end = hwp_put_u16(bytes, HWP_PROGRAM_VERSION);
    end = hwp_put_u16(end, HWP_MAX_PAYLOAD_BYTES);
    end = hwp_put_u32(end, board.clock_hz);
    end = hwp_put_u32(end, board.program.size_bytes);
    end = hwp_put_u32(end, board.constants.size_bytes);
    end = hwp_put_u32(end, HWP_POOL_BYTES);
    end = hwp_put_u32(end, pool_crc32());
    end = hwp_put_u32(end, board_baud());
    *end++ = (uint8_t)board.memory_count;
    end = hwp_put_text(end, board.name, 16);
    end = hwp_put_text(end, hwp_kernels_name, 16);
    end = hwp_put_text(end, board.code_memory, 16);
    end = hwp_put_text(end, HWP_BUILD_ID, 16);
    end = hwp_put_text(end, identity, BOARD_IDENTITY_BYTES);
    for (uint32_t i = 0; i < board.memory_count; i++) {
        end = put_memory(end, &board.memories[i]);
    }
    return (uint32_t)(end - bytes);
}
