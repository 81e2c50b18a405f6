/*
 * Regions as BOARD_ConfigMPU of NXP's MIMXRT1170-EVK has them, with one difference: OCRAM and SDRAM
 * are write back with write allocate (TEX 1, C 1, B 1), which is what boards/rt1170.toml models and
 * what armv7-m's default map gives OCRAM. NXP's file has no write allocate, and leaves SDRAM a
 * device unless it is told to use it; docs/TIMING.md, section 5, says what either would change.
 * Registers: Arm DDI 0403E B3.5.
 */
#include "mpu.h"

#include <stdint.h>

#include "memory_map.h"
#include "registers.h"

#define MPU_TYPE REGISTER(0xE000ED90u)
#define TYPE_REGIONS(type) (((type) >> 8) & 0xFFu)
#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RNR REGISTER(0xE000ED98u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u)
#define CTRL_ENABLE (1u << 0)
#define CTRL_PRIVDEFENA (1u << 2)
#define RBAR_VALID (1u << 4)
#define RASR_ENABLE (1u << 0)
#define RASR_SIZE(bits) (((bits) - 1u) << 1) /* of a region of 2^bits bytes */
#define RASR_NO_ACCESS (0u << 24)
#define RASR_FULL_ACCESS (3u << 24)
#define RASR_READ_ONLY (6u << 24)
#define RASR_XN (1u << 28)
#define RASR_DEVICE (2u << 19)                       /* TEX 2, not shareable */
#define RASR_WRITE_BACK_ALLOCATE (1u << 19 | 3u << 16) /* TEX 1, C, B */

#define DATA (RASR_FULL_ACCESS | RASR_WRITE_BACK_ALLOCATE)

struct region {
    uint32_t base;
    uint32_t attributes;
};

/* A later region wins where two overlap; a base is a multiple of its size. */
static const struct region regions[] = {
    /* Nothing, so that no speculative read reaches what is not there. */
    {0, RASR_NO_ACCESS | RASR_XN | RASR_DEVICE | RASR_SIZE(32u)},
    {ITCM_BASE, DATA | RASR_SIZE(18u)},
    {DTCM_BASE, DATA | RASR_XN | RASR_SIZE(18u)},
    {OCRAM_M4_BASE, DATA | RASR_SIZE(20u)},
    {OCRAM_M4_BASE + 0x100000u, DATA | RASR_SIZE(19u)},
    {PERIPHERAL_BASE, RASR_FULL_ACCESS | RASR_XN | RASR_DEVICE | RASR_SIZE(26u)},
};

#define REGIONS (sizeof regions / sizeof regions[0])

/* By enum mpu_memory; their regions come behind the others. */
static const struct region outside[] = {
    [MPU_FLASH] = {FLASH_BASE, RASR_READ_ONLY | RASR_WRITE_BACK_ALLOCATE | RASR_SIZE(24u)},
    [MPU_SDRAM] = {SDRAM_BASE, DATA | RASR_XN | RASR_SIZE(26u)},
};

static void set_region(uint32_t number, const struct region *region, bool is_on)
{
    MPU_RBAR = region->base | RBAR_VALID | number;
    MPU_RASR = region->attributes | (is_on ? RASR_ENABLE : 0u);
}

void mpu_open(enum mpu_memory memory, bool is_open)
{
    __asm__ volatile("dmb" ::: "memory");
    set_region(REGIONS + memory, &outside[memory], is_open);
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

void mpu_start(void)
{
    __asm__ volatile("dmb" ::: "memory");
    MPU_CTRL = 0;
    /* The boot ROM may have left regions of its own. */
    for (uint32_t i = 0; i < TYPE_REGIONS(MPU_TYPE); i++) {
        MPU_RNR = i;
        MPU_RASR = 0;
    }
    for (uint32_t i = 0; i < REGIONS; i++) {
        set_region(i, &regions[i], true);
    }
    mpu_open(MPU_FLASH, true);
    mpu_open(MPU_SDRAM, false);
    MPU_CTRL = CTRL_ENABLE | CTRL_PRIVDEFENA;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}
