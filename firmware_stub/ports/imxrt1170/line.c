/* The line: LPUART1. Registers and bits: NXP MCUX SDK, PERI_LPUART.h and MIMXRT1176_cm7_COMMON.h. */
#include "line.h"

#include "board.h"
#include "clocks.h"
#include "registers.h"

struct lpuart {
    uint32_t verid;
    uint32_t param;
    uint32_t global;
    uint32_t pincfg;
    uint32_t baud;
    uint32_t stat;
    uint32_t ctrl;
    uint32_t data;
    uint32_t match;
    uint32_t modir;
    uint32_t fifo;
    uint32_t water;
};

#define LPUART1 ((volatile struct lpuart *)0x4007C000u)
#define LPUART1_IRQ 20u

#define PARAM_TXFIFO(param) ((param) & 0xFFu) /* log2 of the depth */
#define BAUD_SBR(divisor) (divisor)
#define BAUD_OSR(ratio) (((ratio) - 1u) << 24)
#define STAT_OR (1u << 19)   /* write 1 to clear; while set nothing is received */
#define STAT_RDRF (1u << 21) /* more in the receive FIFO than its watermark */
#define STAT_TC (1u << 22)   /* the transmitter is idle */
#define STAT_TDRE (1u << 23) /* no more in the transmit FIFO than its watermark */
#define CTRL_RE (1u << 18)
#define CTRL_TE (1u << 19)
#define CTRL_RIE (1u << 21)
#define DATA_RXEMPT (1u << 12)
#define FIFO_RXFE (1u << 3)
#define FIFO_TXFE (1u << 7)
#define FIFO_RXFLUSH (1u << 14)
#define FIFO_TXFLUSH (1u << 15)

/*
 * 24 MHz, LPUART1_CLOCK_HZ, / (oversampling * divisor) is the rate: 115,385 baud for 16 * 13. From
 * an oversampling of 8 on the receiver samples one edge only (BOTHEDGE clear).
 */
#define OVERSAMPLING 16u
#define DIVISOR 13u
#define MIN_OVERSAMPLING 8u
#define MAX_OVERSAMPLING 32u
#define MAX_DIVISOR 0x1FFFu
#define TOLERANCE 50u /* one in 50: half of what a frame of ten bits forgives both sides together */

/* NVIC, DDI 0403E B3.4 */
#define NVIC_ISER0 REGISTER(0xE000E100u)
#define NVIC_ICPR0 REGISTER(0xE000E280u)

struct rate {
    uint32_t oversampling;
    uint32_t divisor;
};

static uint32_t transmit_depth;
static uint32_t current_baud;

static uint32_t rate_baud(struct rate rate)
{
    return LPUART1_CLOCK_HZ / (rate.oversampling * rate.divisor);
}

static uint32_t distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* The nearest rate; of equal ones that with the most samples a bit. */
static struct rate nearest_rate(uint32_t baud)
{
    struct rate best = {MIN_OVERSAMPLING, 1u};
    for (uint32_t samples = MIN_OVERSAMPLING; samples <= MAX_OVERSAMPLING; samples++) {
        uint32_t divisor = (LPUART1_CLOCK_HZ / samples + baud / 2u) / baud;
        struct rate rate = {samples, divisor == 0 ? 1u : divisor};
        if (rate.divisor <= MAX_DIVISOR &&
            distance(rate_baud(rate), baud) <= distance(rate_baud(best), baud)) {
            best = rate;
        }
    }
    return best;
}

/* Eight data bits, no parity, one stop bit. The interrupt only ends WFI: PRIMASK keeps it pending. */
static void start_line(struct rate rate)
{
    current_baud = rate_baud(rate);
    LPUART1->ctrl = 0;
    LPUART1->baud = BAUD_OSR(rate.oversampling) | BAUD_SBR(rate.divisor);
    LPUART1->stat = STAT_OR;
    LPUART1->water = 0;
    LPUART1->fifo = FIFO_RXFE | FIFO_TXFE | FIFO_RXFLUSH | FIFO_TXFLUSH;
    LPUART1->ctrl = CTRL_RE | CTRL_TE | CTRL_RIE;
    transmit_depth = 1u << PARAM_TXFIFO(LPUART1->param);
    NVIC_ISER0 = 1u << LPUART1_IRQ;
}

void line_start(void)
{
    start_line((struct rate){OVERSAMPLING, DIVISOR});
}

uint32_t board_read(uint8_t *data, uint32_t max_bytes)
{
    uint32_t count = 0;
    while (count < max_bytes) {
        uint32_t received = LPUART1->data;
        if ((received & DATA_RXEMPT) != 0) {
            break;
        }
        data[count++] = (uint8_t)received;
    }
    return count;
}

void board_write(const uint8_t *data, uint32_t size_bytes)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < size_bytes; i++) {
        if (room == 0) {
            while ((LPUART1->stat & STAT_TDRE) == 0) {
            }
            room = transmit_depth;
        }
        LPUART1->data = data[i];
        room--;
    }
}

uint32_t board_baud(void)
{
    return current_baud;
}

uint32_t board_nearest_baud(uint32_t baud)
{
    uint32_t nearest = baud == 0 ? 0 : rate_baud(nearest_rate(baud));
    return distance(nearest, baud) <= baud / TOLERANCE ? nearest : 0;
}

void board_set_baud(uint32_t baud)
{
    while ((LPUART1->stat & STAT_TC) == 0) {
    }
    start_line(nearest_rate(baud));
}

/*
 * Clearing what is pending before looking leaves no gap: a byte that comes after the look makes
 * the interrupt pending again, and then WFI does not wait (DDI 0403E B1.5.19).
 */
void board_wait_for_input(void)
{
    NVIC_ICPR0 = 1u << LPUART1_IRQ;
    uint32_t status = LPUART1->stat;
    if ((status & STAT_OR) != 0) {
        LPUART1->stat = STAT_OR;
    }
    if ((status & STAT_RDRF) == 0) {
        __asm volatile("dsb\n wfi" ::: "memory");
    }
}
