/* The clock tree, and what the registers say of it. */
#ifndef CLOCKS_H
#define CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#define LPUART1_CLOCK_HZ 24000000u /* its root, straight from the crystal */

/* Core to the internal 24 MHz, so that PLLs and voltage can be changed under it. */
void clocks_slow_down(void);

/* PLLs on, roots set, core to 996 MHz; a PLL that does not lock leaves the core at 24 MHz. */
void clocks_speed_up(void);

/* Of the core, in hertz, as the registers say now; 0 if they name a source this port never sets. */
uint32_t clocks_core_hz(void);

/* Waits at least that long at the clock that the registers name. */
void clocks_wait_us(uint32_t duration_us);

/* Waits for bits to be set; false if they are not after some ten milliseconds. */
bool clocks_await(volatile uint32_t *word, uint32_t bits);

#endif
