/* The order in which the chip is brought up; each step stands in a file of its own. */
#include "chip.h"

#include "clocks.h"
#include "mpu.h"
#include "pins.h"
#include "power.h"
#include "registers.h"

/*
 * Watchdogs, as SystemInit of NXP's system_MIMXRT1176_cm7.c leaves them: WDOG.WCR is 16 bits wide;
 * an RTWDOG takes its key, a timeout and CS while it is unlocked.
 */
#define WDOG_WCR(base) (*(volatile uint16_t *)(base))
#define WCR_WDE (1u << 2)
#define RTWDOG_CS(base) REGISTER(base)
#define RTWDOG_CNT(base) REGISTER((base) + 0x4u)
#define RTWDOG_TOVAL(base) REGISTER((base) + 0x8u)
#define CS_UPDATE (1u << 5)
#define CS_EN (1u << 7)
#define CS_CMD32EN (1u << 13)
#define RTWDOG_KEY 0xD928C520u
#define LONGEST_TIMEOUT 0xFFFFu

/* SysTick and NVIC, Arm DDI 0403E B3.3 and B3.4: eight registers cover 218 interrupts. */
#define SYST_CSR REGISTER(0xE000E010u)
#define NVIC_ICER(number) REGISTER(0xE000E180u + 4u * (number))
#define NVIC_ICPR(number) REGISTER(0xE000E280u + 4u * (number))
#define NVIC_REGISTERS 8u

#define BANKS_WANTED 8u /* of each kind */

static void stop_watchdog(uintptr_t base)
{
    if ((WDOG_WCR(base) & WCR_WDE) != 0) {
        WDOG_WCR(base) = (uint16_t)(WDOG_WCR(base) & ~WCR_WDE);
    }
}

static void stop_real_time_watchdog(uintptr_t base)
{
    if ((RTWDOG_CS(base) & CS_CMD32EN) != 0) {
        RTWDOG_CNT(base) = RTWDOG_KEY;
    } else {
        RTWDOG_CNT(base) = RTWDOG_KEY & 0xFFFFu;
        RTWDOG_CNT(base) = RTWDOG_KEY >> 16;
    }
    RTWDOG_TOVAL(base) = LONGEST_TIMEOUT;
    RTWDOG_CS(base) = (RTWDOG_CS(base) & ~CS_EN) | CS_UPDATE;
}

/* What the boot ROM may have left on would end WFI again and again. */
static void stop_interrupts(void)
{
    SYST_CSR = 0;
    for (uint32_t i = 0; i < NVIC_REGISTERS; i++) {
        NVIC_ICER(i) = 0xFFFFFFFFu;
        NVIC_ICPR(i) = 0xFFFFFFFFu;
    }
}

bool chip_split_is_right(void)
{
    if ((GPR16 & GPR16_BANK_CFG_SEL) == 0) {
        return true;
    }
    uint32_t banks[4] = {0};
    for (uint32_t i = 0; i < BANKS_IN_A_REGISTER; i++) {
        banks[(GPR17 >> 2u * i) & 3u]++;
        banks[(GPR18 >> 2u * i) & 3u]++;
    }
    return banks[BANK_IS_DTCM] == BANKS_WANTED && banks[BANK_IS_ITCM] == BANKS_WANTED;
}

void chip_start(void)
{
    stop_watchdog(WDOG1_BASE);
    stop_watchdog(WDOG2_BASE);
    stop_real_time_watchdog(RTWDOG3_BASE);
    stop_real_time_watchdog(RTWDOG4_BASE);
    stop_interrupts();
    clocks_slow_down();
    if (power_raise()) {
        clocks_speed_up();
    }
    pins_start();
    mpu_start();
}
