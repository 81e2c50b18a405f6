/* The board's byte stream, with what has arrived while the board was sending. */
#ifndef LINE_H
#define LINE_H

#include <stdint.h>

/* Waits for the next byte. A rate on trial that brings no frame in time is given up meanwhile. */
uint8_t hwp_line_get(void);

/* Sends all bytes, and takes meanwhile what arrives. */
void hwp_line_put(const uint8_t *bytes, uint32_t size_bytes);

/* Goes on at another rate, on trial for HWP_BAUD_TRIAL_MS. */
void hwp_line_try_baud(uint32_t baud);

/* A whole frame has arrived: the rate is right. */
void hwp_line_confirm_baud(void);

#endif
