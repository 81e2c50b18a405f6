/*
 * COBS (Cheshire and Baker, IEEE/ACM Transactions on Networking 7(2), 1999) around
 * version, type, sequence, payload and CRC-32.
 */
#include "frame.h"

#include <stdbool.h>
#include <string.h>

#include "crc32.h"
#include "line.h"

#define HEADER_BYTES 4u
#define CRC_BYTES 4u
#define MAX_BODY_BYTES (HEADER_BYTES + HWP_MAX_PAYLOAD_BYTES + CRC_BYTES)
#define COBS_GROUP 254u /* data bytes that one code byte can announce */
#define MAX_ENCODED_BYTES (MAX_BODY_BYTES + MAX_BODY_BYTES / COBS_GROUP + 1u)

static uint8_t incoming[MAX_ENCODED_BYTES];
static _Alignas(4) uint8_t outgoing[MAX_BODY_BYTES];

/* Fills `incoming` up to the next delimiter; 0 for an empty frame and for one that is too long. */
static uint32_t collect(void)
{
    uint32_t size_bytes = 0;
    bool fits = true;
    for (uint8_t byte = hwp_line_get(); byte != 0; byte = hwp_line_get()) {
        fits = fits && size_bytes < sizeof incoming;
        if (fits) {
            incoming[size_bytes++] = byte;
        }
    }
    return fits ? size_bytes : 0;
}

/*
 * Decodes in place and returns the size of the body, 0 if the code bytes run past the end.
 * The result is never longer than what has been read, so reading stays ahead of writing.
 */
static uint32_t decode(uint8_t *bytes, uint32_t size_bytes)
{
    uint32_t in = 0;
    uint32_t out = 0;
    while (in < size_bytes) {
        uint32_t group = bytes[in++] - 1u;
        if (group > size_bytes - in) {
            return 0;
        }
        memmove(bytes + out, bytes + in, group);
        in += group;
        out += group;
        if (group < COBS_GROUP && in < size_bytes) {
            bytes[out++] = 0;
        }
    }
    return out;
}

static bool parse(uint8_t *body, uint32_t body_bytes, struct hwp_frame *frame)
{
    if (body_bytes < HEADER_BYTES + CRC_BYTES || body_bytes > MAX_BODY_BYTES) {
        return false;
    }
    uint32_t covered_bytes = body_bytes - CRC_BYTES;
    if (hwp_crc32(body, covered_bytes) != hwp_get_u32(body + covered_bytes)) {
        return false;
    }
    frame->version = body[0];
    frame->type = body[1];
    frame->sequence = hwp_get_u16(body + 2);
    frame->payload = body + HEADER_BYTES;
    frame->payload_bytes = covered_bytes - HEADER_BYTES;
    return true;
}

void hwp_frame_receive(struct hwp_frame *frame)
{
    while (!parse(incoming, decode(incoming, collect()), frame)) {
    }
    hwp_line_confirm_baud();
}

static uint32_t bytes_before_zero(const uint8_t *bytes, uint32_t size_bytes)
{
    uint32_t count = 0;
    while (count < size_bytes && count < COBS_GROUP && bytes[count] != 0) {
        count++;
    }
    return count;
}

static void send_encoded(const uint8_t *bytes, uint32_t size_bytes)
{
    const uint8_t delimiter = 0;
    bool open = true; /* a group is still owed: at the start and after each zero */
    while (open) {
        uint32_t group = bytes_before_zero(bytes, size_bytes);
        uint8_t code = (uint8_t)(group + 1u);
        hwp_line_put(&code, 1);
        hwp_line_put(bytes, group);
        bool zero = group < COBS_GROUP && group < size_bytes;
        uint32_t taken = group + (zero ? 1u : 0u);
        bytes += taken;
        size_bytes -= taken;
        open = zero || size_bytes > 0;
    }
    hwp_line_put(&delimiter, 1);
}

uint8_t *hwp_frame_payload(void)
{
    return outgoing + HEADER_BYTES;
}

void hwp_frame_send(uint8_t type, uint16_t sequence, uint32_t payload_bytes)
{
    uint32_t covered_bytes = HEADER_BYTES + payload_bytes;
    outgoing[0] = HWP_PROTOCOL_VERSION;
    outgoing[1] = type;
    hwp_put_u16(outgoing + 2, sequence);
    hwp_put_u32(outgoing + covered_bytes, hwp_crc32(outgoing, covered_bytes));
    send_encoded(outgoing, covered_bytes + CRC_BYTES);
}

uint16_t hwp_get_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | (bytes[1] << 8));
}

uint32_t hwp_get_u32(const uint8_t *bytes)
{
    return hwp_get_u16(bytes) | ((uint32_t)hwp_get_u16(bytes + 2) << 16);
}

uint8_t *hwp_put_u16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
    return bytes + 2;
}

uint8_t *hwp_put_u32(uint8_t *bytes, uint32_t value)
{
    return hwp_put_u16(hwp_put_u16(bytes, (uint16_t)value), (uint16_t)(value >> 16));
}

uint8_t *hwp_put_text(uint8_t *bytes, const char *text, uint32_t size_bytes)
{
    for (uint32_t i = 0; i < size_bytes; i++) {
        bytes[i] = (uint8_t)*text;
        text += *text != 0;
    }
    return bytes + size_bytes;
}
