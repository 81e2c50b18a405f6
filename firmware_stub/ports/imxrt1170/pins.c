/*
 * Pads, from pin_mux.c (LPUART1) and dcd.c (SEMC) of NXP's MIMXRT1170-EVK; offsets of their
 * registers: fsl_iomuxc.h of the MCUX SDK for MIMXRT1176.
 */
#include "pins.h"

#include <stdint.h>

#include "registers.h"

#define PAD_MUX(offset) REGISTER(IOMUXC_BASE + (offset))
#define PAD_CONTROL(offset) REGISTER(IOMUXC_BASE + (offset))
#define INPUT_SELECT(offset) REGISTER(IOMUXC_BASE + (offset))

#define MUX_ALT0 0x00u
#define MUX_SION 0x10u

/* GPIO_AD_24 is TXD and GPIO_AD_25 RXD, both as ALT0; high drive strength, no pull. */
#define AD_24_MUX 0x16Cu
#define AD_24_CONTROL 0x3B0u
#define AD_25_MUX 0x170u
#define AD_25_CONTROL 0x3B4u
#define LPUART1_RXD_INPUT 0x61Cu
#define LPUART1_TXD_INPUT 0x620u
#define AD_HIGH_DRIVE 0x02u

/* SEMC is ALT0 of every GPIO_EMC pad; B1_39 is DQS, which is read back for the read strobe. */
#define EMC_B1_MUX 0x010u
#define EMC_B1_CONTROL 0x254u
#define EMC_B1_PADS 42u
#define EMC_B1_DQS 39u
#define EMC_B2_MUX 0x0B8u
#define EMC_B2_CONTROL 0x2FCu
#define EMC_B2_PADS 19u /* B2_19 and B2_20 carry no signal of the SDRAM */
#define EMC_PULL_DOWN 0x08u

static void start_serial_port(void)
{
    PAD_MUX(AD_24_MUX) = MUX_ALT0;
    PAD_MUX(AD_25_MUX) = MUX_ALT0;
    INPUT_SELECT(LPUART1_TXD_INPUT) = 0;
    INPUT_SELECT(LPUART1_RXD_INPUT) = 0;
    PAD_CONTROL(AD_24_CONTROL) = AD_HIGH_DRIVE;
    PAD_CONTROL(AD_25_CONTROL) = AD_HIGH_DRIVE;
}

static void start_sdram_pads(void)
{
    for (uint32_t pad = 0; pad < EMC_B1_PADS; pad++) {
        PAD_MUX(EMC_B1_MUX + 4u * pad) = pad == EMC_B1_DQS ? MUX_SION : MUX_ALT0;
        PAD_CONTROL(EMC_B1_CONTROL + 4u * pad) = EMC_PULL_DOWN;
    }
    for (uint32_t pad = 0; pad < EMC_B2_PADS; pad++) {
        PAD_MUX(EMC_B2_MUX + 4u * pad) = MUX_ALT0;
        PAD_CONTROL(EMC_B2_CONTROL + 4u * pad) = EMC_PULL_DOWN;
    }
}

void pins_start(void)
{
    start_serial_port();
    start_sdram_pads();
}
