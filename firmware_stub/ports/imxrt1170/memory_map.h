/*
 * The RT1170's memories as this port divides them; read by C and by the linker script.
 * Addresses and sizes: NXP MCUX SDK, devices/MIMXRT1176 (linker files, FlexRAM default of 256 KiB
 * ITCM and 256 KiB DTCM); OCRAM1, OCRAM2 and their ECC halves are adjacent, and the ECC halves are
 * ordinary memory while ECC is off, as after reset. Flash and SDRAM are those of the MIMXRT1170-EVK.
 */
#ifndef MEMORY_MAP_H
#define MEMORY_MAP_H

#define ITCM_BASE 0x00000000
#define ITCM_BYTES 0x00040000
#define DTCM_BASE 0x20000000
#define DTCM_BYTES 0x00040000
#define OCRAM_M4_BASE 0x20200000 /* a backdoor to the Cortex-M4's memories, right below */
#define OCRAM_BASE 0x20240000
#define OCRAM_BYTES 0x00120000
#define FLASH_BASE 0x30000000
#define FLASH_BYTES 0x01000000
#define PERIPHERAL_BASE 0x40000000
#define SDRAM_BASE 0x80000000
#define SDRAM_BYTES 0x04000000

/* DTCM from the bottom: the stack, which faults when it overflows instead of eating its neighbour;
 * the firmware's data; then these three up to the top. */
#define STACK_BYTES 0x2000
#define PROGRAM_BYTES 0x14000
#define CONSTANTS_BYTES 0x14000
#define ARENA_BYTES 0x10000
#define ARENA_BASE (DTCM_BASE + DTCM_BYTES - ARENA_BYTES)
#define CONSTANTS_BASE (ARENA_BASE - CONSTANTS_BYTES)
#define PROGRAM_BASE (CONSTANTS_BASE - PROGRAM_BYTES)

/* Flash: the first MiB is left to an image, the last is the pool, between them staged weights. */
#define POOL_BASE (FLASH_BASE + FLASH_BYTES - 0x100000)
#define STAGED_BASE (FLASH_BASE + 0x100000)
#define STAGED_BYTES (POOL_BASE - STAGED_BASE)

#endif
