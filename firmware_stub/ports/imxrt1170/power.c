/*
 * Overdrive, in the order of BOARD_BootClockRUN in clock_config.c of NXP's MIMXRT1170-EVK: voltage,
 * body bias, then the PLLs' own regulator. Registers and bits: apache/nuttx imxrt117x_dcdc.h,
 * imxrt117x_pmu.h and imxrt117x_anadig.h. Control modes stay in software: no set point is used.
 */
#include "power.h"

#include "clocks.h"
#include "registers.h"

/* DCDC: 1.125 V is what that file gives production chips to be within the data sheet's range. */
#define DCDC_CTRL1 REGISTER(DCDC_BASE + 0x04u)
#define DCDC_REG0 REGISTER(DCDC_BASE + 0x08u)
#define DCDC_REG3 REGISTER(DCDC_BASE + 0x14u)
#define CTRL1_VDD1P0_TARGET(steps) ((steps) << 8) /* 0.6 V and 25 mV a step */
#define STEPS_TO_1125_MV 21u
#define REG0_STS_DC_OK (1u << 31)
#define REG3_VDD1P0_DISABLE_STEP (1u << 29)

/* Forward body bias of the Cortex-M7; PMU_EnableBodyBias in fsl_pmu.c. Bit 4 of fuse 7 forbids it. */
#define PMU_BIAS_CTRL REGISTER(ANADIG_BASE + 0x550u)
#define PMU_BIAS_CTRL2 REGISTER(ANADIG_BASE + 0x560u)
#define BIAS_CTRL_FIELDS 0xFF001FFFu        /* levels of both wells, configuration */
#define BIAS_CTRL_LEVELS (1u << 28 | 1u << 24)
#define BIAS_CTRL_PULL_DOWN (1u << 12)
#define BIAS_CTRL_THRESHOLD (1u << 1)
#define BIAS_CTRL2_SWITCHES (7u << 10)
#define BIAS_CTRL2_SWITCH_M7 (1u << 10)
#define BIAS_CTRL2_WB_EN (1u << 24)
#define BIAS_CTRL2_WB_OK (1u << 26)
#define FUSE_OF_BODY_BIAS 7u
#define FUSE_NO_BODY_BIAS (1u << 4)

/* Regulator of the PLLs, behind the analogue interface; PMU_StaticEnablePllLdo in fsl_pmu.c. */
#define PMU_LDO_PLL REGISTER(ANADIG_BASE + 0x500u)
#define PMU_REF_CTRL REGISTER(ANADIG_BASE + 0x570u)
#define VDDSOC_AI_CTRL REGISTER(ANADIG_BASE + 0x820u)
#define VDDSOC_AI_WDATA REGISTER(ANADIG_BASE + 0x830u)
#define AI_TOGGLE (1u << 16)  /* of PMU_LDO_PLL: a change carries the word over */
#define AI_READ (1u << 16)    /* of VDDSOC_AI_CTRL */
#define AI_ADDRESS 0xFFu      /* of VDDSOC_AI_CTRL; PHY_LDO_CTRL0 is 0 */
#define LDO_AT_1_V (0x10u << 4)
#define LDO_LIMIT_EN (1u << 2)
#define LDO_LINREG_EN (1u << 0)
#define REF_CTRL_EN_PLL_VOL_REF_BUFFER (1u << 4)

static bool raise_voltage(void)
{
    DCDC_REG3 &= ~REG3_VDD1P0_DISABLE_STEP;
    DCDC_CTRL1 = (DCDC_CTRL1 & ~CTRL1_VDD1P0_TARGET(0x1Fu)) | CTRL1_VDD1P0_TARGET(STEPS_TO_1125_MV);
    return clocks_await(&DCDC_REG0, REG0_STS_DC_OK);
}

static bool bias_body(void)
{
    if ((OCOTP_FUSE(FUSE_OF_BODY_BIAS) & FUSE_NO_BODY_BIAS) != 0) {
        PMU_BIAS_CTRL2 &= ~(BIAS_CTRL2_SWITCHES | BIAS_CTRL2_WB_EN);
        return true;
    }
    PMU_BIAS_CTRL = (PMU_BIAS_CTRL & ~BIAS_CTRL_FIELDS) | BIAS_CTRL_LEVELS | BIAS_CTRL_PULL_DOWN |
                    BIAS_CTRL_THRESHOLD;
    PMU_BIAS_CTRL2 =
        (PMU_BIAS_CTRL2 & ~BIAS_CTRL2_SWITCHES) | BIAS_CTRL2_SWITCH_M7 | BIAS_CTRL2_WB_EN;
    return clocks_await(&PMU_BIAS_CTRL2, BIAS_CTRL2_WB_OK);
}

static void supply_plls(void)
{
    VDDSOC_AI_CTRL &= ~(AI_READ | AI_ADDRESS);
    VDDSOC_AI_WDATA = LDO_AT_1_V | LDO_LIMIT_EN | LDO_LINREG_EN;
    PMU_LDO_PLL ^= AI_TOGGLE;
    clocks_wait_us(1);
    PMU_REF_CTRL |= REF_CTRL_EN_PLL_VOL_REF_BUFFER;
}

bool power_raise(void)
{
    bool is_raised = raise_voltage() && bias_body();
    supply_plls();
    return is_raised;
}
