/*
 * Code to ITCM, everything else to DTCM; each load segment goes straight to where it runs.
 * virtual/relocation.py moves the two parts to other addresses, so every address in the image must
 * belong to a section: no symbol of it is absolute but hwp_pool, which only tools read.
 */
#include "memory_map.h"

ENTRY(reset_handler)

MEMORY
{
    ITCM (rx) : ORIGIN = ITCM_BASE, LENGTH = ITCM_BYTES
    DTCM (rw) : ORIGIN = DTCM_BASE, LENGTH = PROGRAM_BASE - DTCM_BASE
}

hwp_pool = POOL_BASE;

SECTIONS
{
    .vectors : ALIGN(8)
    {
        KEEP(*(.vectors))
    } > ITCM

    /* Apart and first, so that these bytes are the same until a kernel changes. (A question mark
     * for each slash: the preprocessor would take slash and star for a comment.) */
    .kernels : ALIGN(8)
    {
        *src?kernels*.o(SORT(.text*))
        *lib*.a:*(SORT(.text*))
    } > ITCM

    .text : ALIGN(8)
    {
        *(SORT(.text*))
    } > ITCM

    /* At the bottom, so that an overflow leaves the memory. */
    .stack (NOLOAD) : ALIGN(32)
    {
        . += STACK_BYTES;
        stack_top = .;
    } > DTCM

    .board : ALIGN(32)
    {
        KEEP(*(.board))
    } > DTCM

    /* Tables are read through the data side, so they stay out of the instruction memory. */
    .rodata : ALIGN(32)
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

    /DISCARD/ :
    {
        *(.ARM.exidx*)
        *(.ARM.extab*)
        *(.init*)
        *(.fini*)
        *(.comment)
    }
}
