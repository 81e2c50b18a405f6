/*
 * Board API on a process of the host, for sanitizers: the line is standard input and output, the
 * memories are arrays with red zones between them, and the cycle counter counts nanoseconds. Any
 * rate is taken and changes nothing.
 * `make firmware-fuzz` builds it with the kernels of kernels_touch.c.
 */
#include "board.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hwp_program.h"
#include "pool.h"

#define RAM_FLAGS (BOARD_HOLDS_ACTIVATIONS | BOARD_TAKES_WEIGHTS | BOARD_HOLDS_SCRATCH)

static _Alignas(32) uint8_t dtcm[0x10000];
static _Alignas(32) uint8_t ocram[0x120000];
static _Alignas(32) uint8_t flash[0x1000];
static uint32_t program[0x14000 / 4];
static uint32_t constants[0x14000 / 4];
static int8_t pool[HWP_POOL_BYTES];
static uint32_t rate_baud = 115200u;

struct board_description board = {
    .name = "host",
    .code_memory = "itcm",
    .clock_hz = 1000000000u,
    .program = {program, sizeof program},
    .constants = {constants, sizeof constants},
    .pool = pool,
    .memory_count = 3,
    .memories = {
        {"dtcm", dtcm, sizeof dtcm, RAM_FLAGS},
        {"ocram", ocram, sizeof ocram, RAM_FLAGS},
        {"flash", flash, sizeof flash, BOARD_STAGES_WEIGHTS},
    },
};

void board_initialise(void)
{
    hwp_pool_make(pool);
}

const char *board_fault(void)
{
    return NULL;
}

void board_forget_branches(void)
{
}

void board_forget_caches(void)
{
}

uint32_t board_cycles(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

uint32_t board_read(uint8_t *data, uint32_t max_bytes)
{
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, 0) <= 0) {
        return 0;
    }
    ssize_t count = read(STDIN_FILENO, data, max_bytes);
    if (count <= 0) {
        exit(EXIT_SUCCESS); /* the host has closed the line */
    }
    return (uint32_t)count;
}

void board_write(const uint8_t *data, uint32_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t count = write(STDOUT_FILENO, data, size_bytes);
        if (count <= 0) {
            exit(EXIT_FAILURE);
        }
        data += count;
        size_bytes -= (uint32_t)count;
    }
}

uint32_t board_baud(void)
{
    return rate_baud;
}

uint32_t board_nearest_baud(uint32_t baud)
{
    return baud;
}

void board_set_baud(uint32_t baud)
{
    rate_baud = baud;
}

void board_wait_for_input(void)
{
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    poll(&input, 1, -1);
}

void board_identity(char text[BOARD_IDENTITY_BYTES])
{
    strcpy(text, "host");
}
