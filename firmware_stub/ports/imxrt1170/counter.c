/* The cycle counter of the DWT. */
#include "counter.h"

#include "board.h"
#include "registers.h"

/* Cycle counter, DDI 0403E C1.6.5 and C1.8.7; the lock of DWT is that of CoreSight (DDI 0489F 12). */
#define DEMCR REGISTER(0xE000EDFCu)
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DWT_CYCCNT REGISTER(0xE0001004u)
#define DWT_LAR REGISTER(0xE0001FB0u)
#define DWT_LAR_UNLOCK 0xC5ACCE55u

void counter_start(void)
{
    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = DWT_LAR_UNLOCK;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
}

bool counter_is_on(void)
{
    return (DEMCR & DEMCR_TRCENA) != 0 && (DWT_CTRL & DWT_CTRL_CYCCNTENA) != 0;
}

uint32_t board_cycles(void)
{
    return DWT_CYCCNT;
}
