/*
 * Code to ITCM, everything else to DTCM; each load segment goes straight to where it runs. With
 * FLASH_IMAGE they lie in flash instead, behind what the boot ROM reads, and flash/boot.c copies
 * them there; what runs is the same, byte for byte.
 * virtual/relocation.py moves the two parts to other addresses, so every address in the image must
 * belong to a section: no symbol of it is absolute but hwp_pool, which only tools read.
 */
#include "memory_map.h"

#ifdef FLASH_IMAGE
/* Code as one piece, then data as one piece; offsets of the rest are those that the ROM knows. */
#define PAYLOAD_BASE (FLASH_BASE + 0x3000)
#define CODE_AT(section) AT(PAYLOAD_BASE + ADDR(section) - ITCM_BASE)
#define DATA_BASE ALIGN(PAYLOAD_BASE + ADDR(.text) + SIZEOF(.text) - ITCM_BASE, 32)
#define DATA_AT(section) AT(DATA_BASE + ADDR(section) - ADDR(.board))
ENTRY(boot)
#else
#define CODE_AT(section)
#define DATA_AT(section)
ENTRY(reset_handler)
#endif

MEMORY
{
#ifdef FLASH_IMAGE
    CONFIG (r) : ORIGIN = FLASH_BASE + 0x400, LENGTH = 0xC00
    HEADER (r) : ORIGIN = FLASH_BASE + 0x1000, LENGTH = 0x1000
    BOOT (rx) : ORIGIN = FLASH_BASE + 0x2000, LENGTH = 0x1000
#endif
    ITCM (rx) : ORIGIN = ITCM_BASE, LENGTH = ITCM_BYTES
    DTCM (rw) : ORIGIN = DTCM_BASE, LENGTH = PROGRAM_BASE - DTCM_BASE
}

hwp_pool = POOL_BASE;

SECTIONS
{
#ifdef FLASH_IMAGE
    .boot_config : { KEEP(*(.boot_config)) } > CONFIG
    .boot_header : { KEEP(*(.boot_header)) } > HEADER
    .boot : { KEEP(*(.boot_vectors)) *(.boot_text) } > BOOT
#endif

    .vectors : CODE_AT(.vectors) ALIGN(8)
    {
        KEEP(*(.vectors))
    } > ITCM

    /* Apart and first, so that these bytes are the same until a kernel changes. (A question mark
     * for each slash: the preprocessor would take slash and star for a comment.) */
    .kernels : CODE_AT(.kernels) ALIGN(8)
    {
        *src?kernels*.o(SORT(.text*))
        *lib*.a:*(SORT(.text*))
    } > ITCM

    .text : CODE_AT(.text) ALIGN(8)
    {
        *(SORT(.text*))
        . = ALIGN(4);
    } > ITCM

    /* At the bottom, so that an overflow leaves the memory. */
    .stack (NOLOAD) : ALIGN(32)
    {
        . += STACK_BYTES;
        stack_top = .;
    } > DTCM

    .board : DATA_AT(.board) ALIGN(32)
    {
        KEEP(*(.board))
    } > DTCM

    /* Tables are read through the data side, so they stay out of the instruction memory. */
    .rodata : DATA_AT(.rodata) ALIGN(32)
    {
        *src?kernels*.o(SORT(.rodata*))
        *(SORT(.rodata*))
        . = ALIGN(4);
    } > DTCM

    /* Loaded once and never restored: a restart without a new load would find it changed. */
    .data : ALIGN(4)
    {
        *(SORT(.data*))
        . = ALIGN(4);
    } > DTCM
    ASSERT(SIZEOF(.data) == 0, "the firmware keeps no initialised variables")

    .bss (NOLOAD) : ALIGN(32)
    {
        bss_start = .;
        *(SORT(.bss*))
        *(COMMON)
        . = ALIGN(4);
        bss_end = .;
    } > DTCM

#ifdef FLASH_IMAGE
    code_start = ADDR(.vectors);
    code_end = ADDR(.text) + SIZEOF(.text);
    code_load = LOADADDR(.vectors);
    data_start = ADDR(.board);
    data_end = ADDR(.rodata) + SIZEOF(.rodata);
    data_load = LOADADDR(.board);
    image_bytes = LOADADDR(.rodata) + SIZEOF(.rodata) - FLASH_BASE;
    ASSERT(image_bytes <= STAGED_BASE - FLASH_BASE, "the image leaves its room in flash")
#endif

    /DISCARD/ :
    {
        *(.ARM.exidx*)
        *(.ARM.extab*)
        *(.init*)
        *(.fini*)
        *(.comment)
    }
}
