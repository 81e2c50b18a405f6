/* A receiver with few words of its own must be emptied while the transmitter is busy. */
#include "line.h"

#include <stdbool.h>

#include "board.h"
#include "hwp_protocol.h"

/* Sent at a time: while these leave, no more than as many arrive, and a receiver holds them. */
#define PIECE_BYTES 4u
#define LOOKS_PER_CLOCK 1024u

/* What board_read returned and nobody has taken yet; requests of a whole window's answers. */
static uint8_t arrived[256];
static uint32_t arrived_next;
static uint32_t arrived_end;

static struct {
    bool is_on;
    uint32_t since_cycles;
    uint32_t baud_before;
    uint32_t looks;
} trial;

static void take_arrived(void)
{
    if (arrived_next == arrived_end) {
        arrived_next = 0;
        arrived_end = 0;
    }
    uint32_t room_bytes = (uint32_t)sizeof arrived - arrived_end;
    if (room_bytes > 0) {
        arrived_end += board_read(arrived + arrived_end, room_bytes);
    }
}

static bool trial_is_over(void)
{
    return board_cycles() - trial.since_cycles > board.clock_hz / 1000u * HWP_BAUD_TRIAL_MS;
}

/*
 * The counter may stand still in sleep, so a trial is watched awake: a look at the clock for many
 * at the receiver, because a virtual board works out at each what has happened since the last.
 */
static void wait_for_input(void)
{
    if (!trial.is_on) {
        board_wait_for_input();
    } else if (++trial.looks % LOOKS_PER_CLOCK == 0 && trial_is_over()) {
        trial.is_on = false;
        board_set_baud(trial.baud_before);
    }
}

uint8_t hwp_line_get(void)
{
    while (arrived_next == arrived_end) {
        take_arrived();
        if (arrived_next == arrived_end) {
            wait_for_input();
        }
    }
    return arrived[arrived_next++];
}

void hwp_line_put(const uint8_t *bytes, uint32_t size_bytes)
{
    while (size_bytes > 0) {
        uint32_t piece_bytes = size_bytes < PIECE_BYTES ? size_bytes : PIECE_BYTES;
        board_write(bytes, piece_bytes);
        take_arrived();
        bytes += piece_bytes;
        size_bytes -= piece_bytes;
    }
}

void hwp_line_try_baud(uint32_t baud)
{
    trial.baud_before = trial.is_on ? trial.baud_before : board_baud();
    trial.is_on = true;
    board_set_baud(baud);
    trial.since_cycles = board_cycles();
}

void hwp_line_confirm_baud(void)
{
    trial.is_on = false;
}
