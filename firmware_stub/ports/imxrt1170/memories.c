/* Registers: Arm DDI 0403E B3.2.8 (CCR) and B3.2.15 (CFSR); DCCIMVAC: CMSIS core_cm7.h, SCB 0x270. */
#include "memories.h"

#include "registers.h"

#define SCB_CCR REGISTER(0xE000ED14u)
#define SCB_CFSR REGISTER(0xE000ED28u)
#define SCB_DCCIMVAC REGISTER(0xE000EF70u)
#define CCR_BFHFNMIGN (1u << 8) /* with FAULTMASK set a bus fault of a load is noted, not taken */
#define CFSR_BUS_FAULTS 0xFF00u /* write 1 to clear */

/* FlexSPI, PERI_FLEXSPI.h of the MCUX SDK: reset leaves the module disabled. */
#define FLEXSPI1_MCR0 REGISTER(FLEXSPI1_BASE)
#define MCR0_MDIS (1u << 1)

bool memory_flash_is_on(void)
{
    return (FLEXSPI1_MCR0 & MCR0_MDIS) == 0;
}

bool memory_answers(const void *address)
{
    SCB_CFSR = CFSR_BUS_FAULTS;
    SCB_CCR |= CCR_BFHFNMIGN;
    __asm__ volatile("cpsid f\n\tdsb\n\tisb" ::: "memory");
    (void)*(const volatile uint32_t *)address;
    __asm__ volatile("dsb" ::: "memory");
    bool has_faulted = (SCB_CFSR & CFSR_BUS_FAULTS) != 0;
    SCB_CFSR = CFSR_BUS_FAULTS;
    SCB_CCR &= ~CCR_BFHFNMIGN;
    __asm__ volatile("dsb\n\tisb\n\tcpsie f" ::: "memory");
    return !has_faulted;
}

/* Out of the cache, so that the memory itself is asked. */
static void push_out(const volatile uint32_t *word)
{
    __asm__ volatile("dsb" ::: "memory");
    SCB_DCCIMVAC = (uint32_t)(uintptr_t)word;
    __asm__ volatile("dsb" ::: "memory");
}

/* The first word, then one behind each address line. */
static uint32_t next_line(uint32_t offset)
{
    return offset == 0 ? sizeof(uint32_t) : offset * 2u;
}

bool memory_keeps(uint8_t *start, uint32_t size_bytes)
{
    static const uint32_t patterns[] = {0x5AA55AA5u, 0xA55AA55Au};
    for (uint32_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        for (uint32_t offset = 0; offset < size_bytes; offset = next_line(offset)) {
            volatile uint32_t *word = (volatile uint32_t *)(start + offset);
            *word = patterns[i] ^ offset;
            push_out(word);
        }
        for (uint32_t offset = 0; offset < size_bytes; offset = next_line(offset)) {
            volatile uint32_t *word = (volatile uint32_t *)(start + offset);
            if (*word != (patterns[i] ^ offset)) {
                return false;
            }
        }
    }
    return true;
}
