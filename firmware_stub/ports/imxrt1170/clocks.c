/*
 * 996 MHz core, 240 MHz bus, 198 MHz SEMC: the clocks of BOARD_BootClockRUN in clock_config.c of
 * NXP's MIMXRT1170-EVK, which boards/rt1170.toml models. Registers and bits: apache/nuttx
 * imxrt117x_pll.h and imxrt117x_osc.h; the steps and waits of each PLL: fsl_clock.c of the MCUX SDK
 * for MIMXRT1176; numbers of roots, sources and gates: its fsl_clock.h. FlexSPI keeps what the boot
 * ROM gave it: the flash image runs from there.
 */
#include "clocks.h"

#include <stddef.h>

#include "registers.h"

#define CRYSTAL_HZ 24000000u
#define MAX_CORE_HZ 1000000000u

#define OSC_24M_CTRL REGISTER(ANADIG_BASE + 0x020u)
#define OSC_24M_LP_EN (1u << 2)
#define OSC_24M_OSC_EN (1u << 4)
#define OSC_24M_GATE (1u << 7)
#define OSC_24M_STABLE (1u << 30)

#define ARM_PLL_CTRL REGISTER(ANADIG_BASE + 0x200u)
#define SYS_PLL3_CTRL REGISTER(ANADIG_BASE + 0x210u)
#define SYS_PLL2_CTRL REGISTER(ANADIG_BASE + 0x240u)
#define SYS_PLL2_UPDATE REGISTER(ANADIG_BASE + 0x250u)
#define SYS_PLL2_PFD REGISTER(ANADIG_BASE + 0x270u)
#define PLL_STABLE (1u << 29)
#define PLL_GATE (1u << 30)

/* ARM PLL: crystal x DIV_SELECT / 2 / post divider = 24 MHz x 166 / 2 / 2. */
#define ARM_PLL_DIV_SELECT 0xFFu
#define ARM_PLL_166_BY_2 (166u | 0u << 15)
#define ARM_PLL_POWERUP (1u << 13)
#define ARM_PLL_ENABLE_CLK (1u << 14)
#define ARM_PLL_POST_DIVIDER(ctrl) (((ctrl) >> 15) & 3u)
#define ARM_PLL_BYPASS (1u << 17)

/* SYS_PLL2 is 528 MHz, its PFD1 528 MHz x 18 / 16 = 594 MHz; SYS_PLL3 is 480 MHz. */
#define PLL2_REG_EN (1u << 3)
#define PLL2_POWERUP (1u << 23)
#define PLL3_DIV2 (1u << 3)
#define PLL3_REG_EN (1u << 4)
#define PLL3_POWERUP (1u << 21)
#define PLL_HOLD_RING_OFF (1u << 11)
#define PLL_ENABLE_CLK (1u << 13)
#define PFD1_FRACTION(fraction) ((fraction) << 8)
#define PFD1_STABLE (1u << 14)
#define PFD1_GATE (1u << 15)
#define PFD1_UPDATE (1u << 2)

/* CLOCK_ROOTn_CONTROL and LPCGn_DIRECT of the CCM. */
#define ROOT(number) REGISTER(CCM_BASE + 0x80u * (number))
#define ROOT_SETTING(source, divider) ((source) << 8 | ((divider) - 1u))
#define ROOT_SOURCE(control) (((control) >> 8) & 7u)
#define ROOT_DIVIDER(control) (((control) & 0xFFu) + 1u)
#define ROOT_OFF (1u << 24)
#define GATE(number) REGISTER(CCM_BASE + 0x6000u + 0x20u * (number))
#define ROOT_M7 0u
#define ROOT_BUS 2u
#define ROOT_SEMC 4u
#define ROOT_LPUART1 25u
#define FROM_RC_48M_DIV2 0u /* these two are the same for every root */
#define FROM_CRYSTAL 1u
#define M7_FROM_ARM_PLL 4u
#define BUS_FROM_SYS_PLL3 4u
#define SEMC_FROM_SYS_PLL2_PFD1 6u
#define GATE_SEMC 33u
#define GATE_IOMUXC 49u
#define GATE_LPUART1 86u

#define PATIENCE 1000000u /* readings, of some ten cycles each */

bool clocks_await(volatile uint32_t *word, uint32_t bits)
{
    for (uint32_t left = PATIENCE; left > 0; left--) {
        if ((*word & bits) == bits) {
            return true;
        }
    }
    return false;
}

static void set_root(uint32_t number, uint32_t source, uint32_t divider)
{
    ROOT(number) = ROOT_SETTING(source, divider);
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

static bool start_crystal(void)
{
    OSC_24M_CTRL = (OSC_24M_CTRL & ~OSC_24M_GATE) | OSC_24M_OSC_EN | OSC_24M_LP_EN;
    return clocks_await(&OSC_24M_CTRL, OSC_24M_STABLE);
}

static bool start_arm_pll(void)
{
    uint32_t control = ARM_PLL_166_BY_2 | PLL_GATE;
    ARM_PLL_CTRL = control;
    control |= ARM_PLL_POWERUP;
    ARM_PLL_CTRL = control;
    clocks_wait_us(30);
    if (!clocks_await(&ARM_PLL_CTRL, PLL_STABLE)) {
        return false;
    }
    ARM_PLL_CTRL = (control | ARM_PLL_ENABLE_CLK) & ~PLL_GATE;
    return true;
}

/* The two fixed PLLs differ in their bits and in how long the ring is held. */
struct fixed_pll {
    volatile uint32_t *control;
    uint32_t regulator;
    uint32_t power_up;
    uint32_t hold_us;
    uint32_t enable;
};

/* One that runs already may feed the flash, and is left alone. */
static bool start_fixed_pll(const struct fixed_pll *pll)
{
    uint32_t control = pll->regulator | PLL_GATE;
    if ((*pll->control & pll->power_up) != 0) {
        *pll->control = (*pll->control | pll->enable) & ~PLL_GATE;
        return clocks_await(pll->control, PLL_STABLE);
    }
    *pll->control = control;
    clocks_wait_us(30);
    control |= pll->power_up;
    *pll->control = control | PLL_HOLD_RING_OFF;
    clocks_wait_us(pll->hold_us);
    *pll->control = control;
    if (!clocks_await(pll->control, PLL_STABLE)) {
        return false;
    }
    control |= pll->enable;
    *pll->control = control;
    *pll->control = control & ~PLL_GATE;
    return true;
}

static bool start_sys_pll2(void)
{
    const struct fixed_pll pll = {&SYS_PLL2_CTRL, PLL2_REG_EN, PLL2_POWERUP, 250, PLL_ENABLE_CLK};
    if (!start_fixed_pll(&pll)) {
        return false;
    }
    SYS_PLL2_PFD |= PFD1_GATE;
    SYS_PLL2_PFD = (SYS_PLL2_PFD & ~PFD1_FRACTION(0x3Fu)) | PFD1_FRACTION(16u);
    SYS_PLL2_UPDATE ^= PFD1_UPDATE;
    SYS_PLL2_PFD &= ~PFD1_GATE;
    /* PFD1_STABLE changes, it does not rise; a fraction that was there already changes nothing. */
    clocks_wait_us(30);
    return true;
}

static bool start_sys_pll3(void)
{
    const struct fixed_pll pll = {&SYS_PLL3_CTRL, PLL3_REG_EN, PLL3_POWERUP, 30,
                                  PLL_ENABLE_CLK | PLL3_DIV2};
    return start_fixed_pll(&pll);
}

void clocks_slow_down(void)
{
    set_root(ROOT_M7, FROM_RC_48M_DIV2, 1);
}

void clocks_speed_up(void)
{
    if (start_crystal()) {
        set_root(ROOT_LPUART1, FROM_CRYSTAL, 1);
    }
    bool has_bus = start_sys_pll3();
    bool has_semc = start_sys_pll2();
    if (has_bus) {
        set_root(ROOT_BUS, BUS_FROM_SYS_PLL3, 2);
    }
    if (has_semc) {
        set_root(ROOT_SEMC, SEMC_FROM_SYS_PLL2_PFD1, 3);
    }
    GATE(GATE_SEMC) = 1;
    GATE(GATE_IOMUXC) = 1;
    GATE(GATE_LPUART1) = 1;
    if (has_bus && has_semc && start_arm_pll()) {
        set_root(ROOT_M7, M7_FROM_ARM_PLL, 1);
    }
}

static uint32_t arm_pll_hz(void)
{
    static const uint8_t post_divider_shift[] = {1, 2, 3, 0}; /* by 2, 4, 8 and 1 */
    const uint32_t wanted = ARM_PLL_POWERUP | ARM_PLL_ENABLE_CLK | PLL_STABLE;
    uint32_t control = ARM_PLL_CTRL;
    if ((control & (wanted | PLL_GATE | ARM_PLL_BYPASS)) != wanted) {
        return 0;
    }
    uint32_t ring_hz = CRYSTAL_HZ / 2u * (control & ARM_PLL_DIV_SELECT);
    return ring_hz >> post_divider_shift[ARM_PLL_POST_DIVIDER(control)];
}

uint32_t clocks_core_hz(void)
{
    uint32_t control = ROOT(ROOT_M7);
    uint32_t source = ROOT_SOURCE(control);
    uint32_t hz = 0;
    if (source == M7_FROM_ARM_PLL) {
        hz = arm_pll_hz();
    } else if (source == FROM_RC_48M_DIV2 || source == FROM_CRYSTAL) {
        hz = CRYSTAL_HZ;
    }
    return (control & ROOT_OFF) != 0 ? 0 : hz / ROOT_DIVIDER(control);
}

/* A round of the loop takes a cycle at least; a quarter more for the internal oscillator's error. */
void clocks_wait_us(uint32_t duration_us)
{
    uint32_t core_hz = clocks_core_hz();
    uint32_t cycles_per_us = (core_hz != 0 ? core_hz : MAX_CORE_HZ) / 800000u;
    for (uint32_t cycles = duration_us * cycles_per_us; cycles > 0; cycles--) {
        __asm__ volatile("");
    }
}
