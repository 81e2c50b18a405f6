/* Frames of docs/PROTOCOL.md over the board's byte stream. */
#ifndef FRAME_H
#define FRAME_H

#include <stdint.h>

#include "hwp_protocol.h"

struct hwp_frame {
    uint8_t version;
    uint8_t type;
    uint16_t sequence;
    uint8_t *payload; /* valid until the next hwp_frame_receive */
    uint32_t payload_bytes;
};

/* Sleeps until a whole frame with a right CRC has come; drops everything else. */
void hwp_frame_receive(struct hwp_frame *frame);

/* Room for the payload of the next frame to send: HWP_MAX_PAYLOAD_BYTES, 4-byte aligned. */
uint8_t *hwp_frame_payload(void);

/* Sends what hwp_frame_payload holds, at most HWP_MAX_PAYLOAD_BYTES of it. */
void hwp_frame_send(uint8_t type, uint16_t sequence, uint32_t payload_bytes);

/* Little-endian fields at any alignment. */
uint16_t hwp_get_u16(const uint8_t *bytes);
uint32_t hwp_get_u32(const uint8_t *bytes);
uint8_t *hwp_put_u16(uint8_t *bytes, uint16_t value);
uint8_t *hwp_put_u32(uint8_t *bytes, uint32_t value);

/* Writes at most size_bytes characters and pads with zeros. */
uint8_t *hwp_put_text(uint8_t *bytes, const char *text, uint32_t size_bytes);

#endif
