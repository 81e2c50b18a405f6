/* Numbers of the wire protocol, docs/PROTOCOL.md; profiler/protocol.py holds the same. */
#ifndef HWP_PROTOCOL_H
#define HWP_PROTOCOL_H

#include <stdint.h>

#define HWP_PROTOCOL_VERSION 2u
#define HWP_MAX_PAYLOAD_BYTES 4096u
#define HWP_MAX_RECORDS_PER_FRAME 64u
#define HWP_KEPT_RECORDS 256u
#define HWP_BAUD_TRIAL_MS 1000u

enum hwp_message {
    HWP_MESSAGE_HELLO = 0x01,
    HWP_MESSAGE_BEGIN = 0x02,
    HWP_MESSAGE_CHUNK = 0x03,
    HWP_MESSAGE_PLACE = 0x04,
    HWP_MESSAGE_PREPARE = 0x05,
    HWP_MESSAGE_RUN = 0x06,
    HWP_MESSAGE_READ = 0x07,
    HWP_MESSAGE_ABORT = 0x08,
    HWP_MESSAGE_RESULTS = 0x09,
    HWP_MESSAGE_BAUD = 0x0A,
    HWP_MESSAGE_COUNT,
};

#define HWP_RESPONSE 0x80u
#define HWP_RESPONSE_ERROR 0xFFu

enum hwp_destination {
    HWP_DESTINATION_PROGRAM = 0,
    HWP_DESTINATION_WEIGHTS = 1,
    HWP_DESTINATION_ACTIVATIONS = 2,
};

#define HWP_PREPARE_STAGED 1u
#define HWP_RUN_FILL_INPUTS 1u
#define HWP_RUN_CHECKSUM 2u
#define HWP_RUN_CHECKSUM_LAST 4u
#define HWP_RUN_COLD 8u

enum hwp_error {
    HWP_OK = 0,
    HWP_ERROR_TYPE = 1,
    HWP_ERROR_PAYLOAD = 2,
    HWP_ERROR_SEQUENCE = 3,
    HWP_ERROR_BOUNDS = 4,
    HWP_ERROR_CHECKSUM = 5,
    HWP_ERROR_PLACEMENT = 6,
    HWP_ERROR_PROGRAM = 7,
    HWP_ERROR_COUNTER = 8,
};

/* Outcome of a step; `rule` is a constant sentence without its full stop, NULL when all is well. */
struct hwp_result {
    enum hwp_error code;
    const char *rule;
    int32_t record; /* the record that broke the rule, or -1 */
};

static inline struct hwp_result hwp_done(void)
{
    return (struct hwp_result){HWP_OK, 0, -1};
}

static inline struct hwp_result hwp_refuse(enum hwp_error code, const char *rule)
{
    return (struct hwp_result){code, rule, -1};
}

#endif
