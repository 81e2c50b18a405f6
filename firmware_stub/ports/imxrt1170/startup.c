/* From reset to main. board_initialise brings up the rest of the chip. */
#include <stdint.h>

/* SCB, Arm DDI 0403E B3.2.2 and B3.2.20 */
#define SCB_VTOR (*(volatile uint32_t *)0xE000ED08u)
#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_FPU_FULL_ACCESS (0xFu << 20) /* CP10 and CP11 */

#define EXCEPTIONS 16u  /* Arm DDI 0403E B1.5.2: stack pointer, reset, and fourteen more */
#define INTERRUPTS 218u /* NXP MIMXRT1176_cm7_COMMON.h: ENET_QOS_PMT_IRQn is 217 */

extern uint32_t stack_top[], bss_start[], bss_end[];

int main(void);
_Noreturn void reset_handler(void);

/* Nothing is ever meant to be taken: interrupts are masked and only wake the core. */
static void unexpected_exception(void)
{
    for (;;) {
        __asm volatile("bkpt #0");
    }
}

typedef void (*vector)(void);

struct vector_table {
    uint32_t *stack_top;
    vector reset;
    vector others[EXCEPTIONS - 2u + INTERRUPTS];
};

__attribute__((section(".vectors"), used)) static const struct vector_table vectors = {
    stack_top,
    reset_handler,
    {[0 ... EXCEPTIONS - 3u + INTERRUPTS] = unexpected_exception},
};

static void clear_bss(void)
{
    for (volatile uint32_t *word = bss_start; word != bss_end; word++) {
        *word = 0;
    }
}

__attribute__((used)) static _Noreturn void start(void)
{
    SCB_VTOR = (uint32_t)(uintptr_t)&vectors;
    SCB_CPACR |= CPACR_FPU_FULL_ACCESS;
    __asm volatile("dsb\n isb" ::: "memory");
    clear_bss();
    main();
    for (;;) {
    }
}

/* A debugger may jump here with any stack pointer. */
__attribute__((naked)) void reset_handler(void)
{
    __asm volatile("cpsid i\n"
                   "ldr r0, =stack_top\n"
                   "mov sp, r0\n"
                   "b start\n");
}
