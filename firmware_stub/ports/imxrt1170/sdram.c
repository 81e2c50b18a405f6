/*
 * SEMC and SDRAM, with the values and steps of dcd.c of NXP's MIMXRT1170-EVK: 64 MiB at 0x80000000,
 * 32 bits wide, bursts of 8, CAS latency 3. Registers and bits: PERI_SEMC.h of the MCUX SDK.
 */
#include "sdram.h"

#include "clocks.h"
#include "memory_map.h"
#include "registers.h"

#define SEMC(offset) REGISTER(SEMC_BASE + (offset))
#define SEMC_INTR SEMC(0x3Cu)
#define SEMC_SDRAMCR3 SEMC(0x4Cu)
#define SEMC_IPTXDAT SEMC(0xA0u)
#define SEMC_IPCMD SEMC(0x9Cu)

#define INTR_IPCMDDONE (1u << 0)
#define INTR_IPCMDERR (1u << 1)
#define IPCMD_KEY 0xA55A0000u
#define COMMAND_MODE_SET 0xAu
#define COMMAND_AUTO_REFRESH 0xCu
#define COMMAND_PRECHARGE_ALL 0xFu
#define MODE_BURST_8_CAS_3 0x33u
#define SDRAMCR3_REFRESH 0x21210408u
#define SDRAMCR3_REN (1u << 0)

struct setting {
    uint32_t offset;
    uint32_t value;
};

static const struct setting settings[] = {
    {0x00u, 0x10000004u}, /* MCR: on, read strobe looped back from the DQS pad */
    {0x08u, 0x00000081u}, /* BMCR0, queue of the AXI bus */
    {0x0Cu, 0x00000081u}, /* BMCR1 */
    {0x10u, SDRAM_BASE | 0x1Du}, /* BR0: valid, 64 MiB */
    {0x40u, 0x00000F32u}, /* SDRAMCR0: 32 bits, bursts of 8, 9 column bits, CAS latency 3 */
    {0x44u, 0x00772A22u}, /* SDRAMCR1: precharge, activate, recovery */
    {0x48u, 0x00010A0Du}, /* SDRAMCR2 */
    {0x4Cu, SDRAMCR3_REFRESH},
    {0x90u, SDRAM_BASE}, /* IPCR0: address of a command */
    {0x94u, 0x00000002u}, /* IPCR1: two bytes */
    {0x98u, 0x00000000u}, /* IPCR2: no byte masked */
};

static bool command(uint32_t code)
{
    SEMC_INTR = INTR_IPCMDDONE | INTR_IPCMDERR;
    SEMC_IPCMD = IPCMD_KEY | code;
    return clocks_await(&SEMC_INTR, INTR_IPCMDDONE) && (SEMC_INTR & INTR_IPCMDERR) == 0;
}

bool sdram_start(void)
{
    for (uint32_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        SEMC(settings[i].offset) = settings[i].value;
    }
    clocks_wait_us(100); /* clocked that long before its first command, as makers of SDRAM ask */
    bool is_awake = command(COMMAND_PRECHARGE_ALL) && command(COMMAND_AUTO_REFRESH) &&
                    command(COMMAND_AUTO_REFRESH);
    SEMC_IPTXDAT = MODE_BURST_8_CAS_3;
    is_awake = is_awake && command(COMMAND_MODE_SET);
    SEMC_SDRAMCR3 = SDRAMCR3_REFRESH | SDRAMCR3_REN;
    return is_awake;
}
