/*
 * What the firmware asks of a board: a clock, a byte stream, and memories. A port is one folder
 * under ports/ that supplies everything declared here; nothing else in the firmware touches
 * hardware.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

/* What a memory is offered for; the bits travel in HELLO as they are. */
enum board_memory_flag {
    BOARD_HOLDS_ACTIVATIONS = 1u << 0,
    BOARD_TAKES_WEIGHTS = 1u << 1, /* sent over the line */
    BOARD_HOLDS_SCRATCH = 1u << 2,
    BOARD_STAGES_WEIGHTS = 1u << 3, /* written by a debug probe before PREPARE */
};

#define BOARD_MAX_MEMORIES 8u

/* Names are padded with zeros; one that fills its field has none behind it. */
struct board_memory {
    char name[12];  /* as in a placement: "ocram" */
    uint8_t *start; /* 32-byte aligned; never written where only BOARD_STAGES_WEIGHTS is set */
    uint32_t size_bytes;
    uint32_t flags;
};

/* Word-aligned room of the firmware's own, apart from the memories. */
struct board_span {
    uint32_t *start;
    uint32_t size_bytes;
};

/*
 * Whole and without pointers to text, because who loads the image onto another board writes the
 * port's table anew (virtual/movable_image.py, which knows its layout): BOARD_TABLE puts that table
 * in a section of its own.
 */
struct board_description {
    char name[16];
    char code_memory[16];        /* memory that the kernels execute from */
    uint32_t clock_hz;           /* of the core, which board_cycles counts */
    uint32_t starts_chip;        /* 0 where a loader moved the image to another chip */
    struct board_span program;   /* a program's bytes as received */
    struct board_span constants; /* constants made at PREPARE */
    const int8_t *pool;          /* docs/FORMATS.md, "Seeded tensors"; HWP_POOL_BYTES long */
    uint32_t memory_count;
    struct board_memory memories[BOARD_MAX_MEMORIES];
};

#define BOARD_TABLE __attribute__((section(".board"), used))

/* The port's table, less what did not answer; board_initialise fills it, nobody changes it after. */
extern struct board_description board;

/* Called once, first: brings the chip up, turns on the cycle counter and the line, fills `board`. */
void board_initialise(void);

/*
 * Why cycles would mean nothing now: a sentence without its full stop, NULL while the chip is as
 * board_initialise left it. Asked before each run.
 */
const char *board_fault(void);

/* Core cycles, modulo 2^32. */
uint32_t board_cycles(void);

/* Empties the branch predictor where the core can, so that a cost does not depend on what ran before. */
void board_forget_branches(void);

/* Writes back and empties the caches where the core has them, so that what follows starts cold. */
void board_forget_caches(void);

/* Takes what has arrived, at most max_bytes, and returns how many bytes that was; never waits. */
uint32_t board_read(uint8_t *data, uint32_t max_bytes);

/* Returns when the line has taken all bytes. */
void board_write(const uint8_t *data, uint32_t size_bytes);

/* Bits per second of the line; 0 where it has no rate. */
uint32_t board_baud(void);

/* The nearest rate that the line can be set to, 0 if none is within 2 %. */
uint32_t board_nearest_baud(uint32_t baud);

/* Returns when all bytes are sent and the line goes on at a rate that board_nearest_baud gave. */
void board_set_baud(uint32_t baud);

/* Sleeps until board_read may have something to return; may return early. */
void board_wait_for_input(void);

/* Writes the chip's unique id as zero-terminated text. */
#define BOARD_IDENTITY_BYTES 32u
void board_identity(char text[BOARD_IDENTITY_BYTES]);

#endif
