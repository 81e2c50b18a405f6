/*
 * Board API on the i.MX RT1170, Cortex-M7 side. Register layouts and bits: NXP MCUX SDK,
 * PERI_LPUART.h, PERI_OCOTP.h and MIMXRT1176_cm7_COMMON.h; core registers: Arm DDI 0403E.
 */
#include "board.h"

#include <stddef.h>

#include "board_table.h"
#include "chip.h"
#include "clocks.h"
#include "memories.h"
#include "memory_map.h"
#include "mpu.h"
#include "pool.h"
#include "registers.h"
#include "sdram.h"

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

#define UNIQUE_ID_LOW OCOTP_FUSE(0x10u)
#define UNIQUE_ID_HIGH OCOTP_FUSE(0x11u)

/* Cycle counter, DDI 0403E C1.6.5 and C1.8.7; the lock of DWT is that of CoreSight (DDI 0489F 12). */
#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)

/*
 * Caches: DDI 0403E B3.2.8 (CCR) and B4.8 (identification); maintenance by set and way, CMSIS
 * core_cm7.h, SCB offsets 0x250 to 0x274. A set/way word is way << (32 - log2(ways)) | set << 5.
 */
#define SCB_CCR (*(volatile uint32_t *)0xE000ED14u)
#define CCR_DC (1u << 16)
#define CCR_IC (1u << 17)
#define SCB_CCSIDR (*(volatile uint32_t *)0xE000ED80u)
#define SCB_CSSELR (*(volatile uint32_t *)0xE000ED84u)
#define SCB_ICIALLU (*(volatile uint32_t *)0xE000EF50u)
#define SCB_DCISW (*(volatile uint32_t *)0xE000EF60u)
#define SCB_DCCISW (*(volatile uint32_t *)0xE000EF74u)
#define CCSIDR_SETS(ccsidr) ((((ccsidr) >> 13) & 0x7FFFu) + 1u)
#define CCSIDR_WAYS(ccsidr) ((((ccsidr) >> 3) & 0x3FFu) + 1u)
#define SET_SHIFT 5u /* lines of 32 bytes */

/* Branch predictor invalidate all, write only: CMSIS core_cm7.h, SCB offset 0x278. */
#define SCB_BPIALL (*(volatile uint32_t *)0xE000EF78u)
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DWT_CYCCNT (*(volatile uint32_t *)0xE0001004u)
#define DWT_LAR (*(volatile uint32_t *)0xE0001FB0u)
#define DWT_LAR_UNLOCK 0xC5ACCE55u

/* NVIC, DDI 0403E B3.4 */
#define NVIC_ISER0 (*(volatile uint32_t *)0xE000E100u)
#define NVIC_ICPR0 (*(volatile uint32_t *)0xE000E280u)

struct board_description board;

struct rate {
    uint32_t oversampling;
    uint32_t divisor;
};

static uint32_t transmit_depth;
static uint32_t current_baud;

static void start_cycle_counter(void)
{
    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = DWT_LAR_UNLOCK;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
}

/* Does one set/way operation on the whole data cache. */
static void sweep_data_cache(volatile uint32_t *operation)
{
    SCB_CSSELR = 0;
    __asm__ volatile("dsb" ::: "memory");
    uint32_t sets = CCSIDR_SETS(SCB_CCSIDR);
    uint32_t ways = CCSIDR_WAYS(SCB_CCSIDR);
    uint32_t way_shift = ways > 1u ? (uint32_t)__builtin_clz(ways - 1u) : 0u;
    for (uint32_t set = 0; set < sets; set++) {
        for (uint32_t way = 0; way < ways; way++) {
            *operation = way << way_shift | set << SET_SHIFT;
        }
    }
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

static void forget_instructions(void)
{
    SCB_ICIALLU = 0;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

/* Reset leaves the caches off and full of anything. */
static void start_caches(void)
{
    if ((SCB_CCR & CCR_IC) == 0) {
        forget_instructions();
        SCB_CCR |= CCR_IC;
    }
    if ((SCB_CCR & CCR_DC) == 0) {
        sweep_data_cache(&SCB_DCISW);
        SCB_CCR |= CCR_DC;
    }
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

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
    start_caches();
    start_cycle_counter();
    start_line((struct rate){OVERSAMPLING, DIVISOR});
    if (board_table.starts_chip != 0) {
        take_stock();
        /* What start-up read is not to show in the first warm run. */
        board_forget_caches();
        board_forget_branches();
    }
}

const char *board_fault(void)
{
    if ((DEMCR & DEMCR_TRCENA) == 0 || (DWT_CTRL & DWT_CTRL_CYCCNTENA) == 0) {
        return "the cycle counter is switched off";
    }
    if ((SCB_CCR & (CCR_IC | CCR_DC)) != (CCR_IC | CCR_DC)) {
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

uint32_t board_cycles(void)
{
    return DWT_CYCCNT;
}

void board_forget_branches(void)
{
    SCB_BPIALL = 0;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

void board_forget_caches(void)
{
    sweep_data_cache(&SCB_DCCISW);
    forget_instructions();
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
