/* Caches and branch predictor of the Cortex-M7. */
#include "caches.h"

#include "board.h"
#include "registers.h"

/*
 * Caches: DDI 0403E B3.2.8 (CCR) and B4.8 (identification); maintenance by set and way, CMSIS
 * core_cm7.h, SCB offsets 0x250 to 0x274. A set/way word is way << (32 - log2(ways)) | set << 5.
 */
#define SCB_CCR REGISTER(0xE000ED14u)
#define CCR_DC (1u << 16)
#define CCR_IC (1u << 17)
#define SCB_CCSIDR REGISTER(0xE000ED80u)
#define SCB_CSSELR REGISTER(0xE000ED84u)
#define SCB_ICIALLU REGISTER(0xE000EF50u)
#define SCB_DCISW REGISTER(0xE000EF60u)
#define SCB_DCCISW REGISTER(0xE000EF74u)
#define CCSIDR_SETS(ccsidr) ((((ccsidr) >> 13) & 0x7FFFu) + 1u)
#define CCSIDR_WAYS(ccsidr) ((((ccsidr) >> 3) & 0x3FFu) + 1u)
#define SET_SHIFT 5u /* lines of 32 bytes */

/* Branch predictor invalidate all, write only: CMSIS core_cm7.h, SCB offset 0x278. */
#define SCB_BPIALL REGISTER(0xE000EF78u)

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
void caches_start(void)
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

bool caches_are_on(void)
{
    const uint32_t both = CCR_IC | CCR_DC;
    return (SCB_CCR & both) == both;
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
