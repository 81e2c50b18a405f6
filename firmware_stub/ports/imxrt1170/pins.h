/* Which signals leave the chip at which pads of the MIMXRT1170-EVK. */
#ifndef PINS_H
#define PINS_H

/* The debug probe's serial port and the SDRAM. */
void pins_start(void);

#endif
