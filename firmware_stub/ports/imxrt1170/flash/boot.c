/*
 * What runs in flash: FlexRAM is split, the image is copied to where it is linked for, and then it
 * starts as a debugger would start it. Nothing here may be called or lie in what is copied.
 */
#include <stdint.h>

#include "../registers.h"

#define BANK_FIELDS 0xFFFFu
#define ALL_BANKS(kind) ((kind) * 0x5555u) /* of one register */

extern uint32_t stack_top[];
extern uint32_t code_start[], code_end[], code_load[];
extern uint32_t data_start[], data_end[], data_load[];

_Noreturn void reset_handler(void);
_Noreturn void boot(void);

/* Where debuggers look for the stack and the entry of an image in flash. */
struct boot_vectors {
    uint32_t *stack_top;
    void (*reset)(void);
};

__attribute__((section(".boot_vectors"), used)) static const struct boot_vectors boot_vectors = {
    stack_top,
    boot,
};

/* From flash to ITCM is farther than a branch reaches. */
static inline __attribute__((always_inline)) _Noreturn void start_image(void)
{
    __asm__ volatile("bx %0" ::"r"(reset_handler));
    __builtin_unreachable();
}

static inline __attribute__((always_inline)) void copy(volatile uint32_t *to, const uint32_t *end,
                                                       const volatile uint32_t *from)
{
    while (to != end) {
        *to++ = *from++;
    }
}

__attribute__((section(".boot_text"))) _Noreturn void boot(void)
{
    __asm__ volatile("cpsid i");
    GPR17 = (GPR17 & ~BANK_FIELDS) | ALL_BANKS(BANK_IS_DTCM);
    GPR18 = (GPR18 & ~BANK_FIELDS) | ALL_BANKS(BANK_IS_ITCM);
    GPR16 |= GPR16_BANK_CFG_SEL;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    copy(code_start, code_end, code_load);
    copy(data_start, data_end, data_load);
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    start_image();
}
