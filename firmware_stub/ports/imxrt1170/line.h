/* LPUART1, which the debug probe shows to the host as a serial port; board.h has the rest of it. */
#ifndef LINE_H
#define LINE_H

/* Opens the line at 115,200 baud. */
void line_start(void);

#endif
