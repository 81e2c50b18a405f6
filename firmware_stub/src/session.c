/* One request at a time: check the payload's size, then the state, then do it and answer. */
#include "session.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "board.h"
#include "crc32.h"
#include "frame.h"
#include "hwp_build.h"
#include "interpreter.h"
#include "kernels.h"
#include "program.h"
#include "records.h"
#include "transfer.h"

#define DESTINATIONS 3u
#define MAX_REPEATS 10000u

static struct {
    bool placed;
    bool prepared;
    struct hwp_placement placement;
    struct hwp_transfer transfers[DESTINATIONS];
    struct hwp_transfer *open;
    struct hwp_program program;
    bool pool_is_known;
    uint32_t pool_crc32;
} session;

static void respond(const struct hwp_frame *request, uint32_t payload_bytes)
{
    hwp_frame_send(request->type | HWP_RESPONSE, request->sequence, payload_bytes);
}

/* Writes at most size_bytes characters and pads with zeros. */
static uint8_t *put_text(uint8_t *bytes, const char *text, uint32_t size_bytes)
{
    for (uint32_t i = 0; i < size_bytes; i++) {
        bytes[i] = (uint8_t)*text;
        text += *text != 0;
    }
    return bytes + size_bytes;
}

static uint8_t *put_memory(uint8_t *bytes, const struct board_memory *memory)
{
    bytes = put_text(bytes, memory->name, 12);
    bytes = hwp_put_u32(bytes, (uint32_t)(uintptr_t)memory->start);
    bytes = hwp_put_u32(bytes, memory->size_bytes);
    return hwp_put_u32(bytes, memory->flags);
}

/* Reading a megabyte of flash takes a while, so it happens once, when first asked for. */
static uint32_t pool_crc32(void)
{
    if (!session.pool_is_known) {
        session.pool_crc32 = hwp_crc32(board.pool, HWP_POOL_BYTES);
        session.pool_is_known = true;
    }
    return session.pool_crc32;
}

static struct hwp_result hello(const struct hwp_frame *request)
{
    char identity[BOARD_IDENTITY_BYTES];
    uint8_t *start = hwp_frame_payload();
    board_identity(identity);
    uint8_t *end = hwp_put_u16(start, HWP_PROGRAM_VERSION);
    end = hwp_put_u16(end, HWP_MAX_PAYLOAD_BYTES);
    end = hwp_put_u32(end, board.clock_hz);
    end = hwp_put_u32(end, board.program.size_bytes);
    end = hwp_put_u32(end, board.constants.size_bytes);
    end = hwp_put_u32(end, HWP_POOL_BYTES);
    end = hwp_put_u32(end, pool_crc32());
    *end++ = (uint8_t)board.memory_count;
    end = put_text(end, board.name, 16);
    end = put_text(end, hwp_kernels_name, 16);
    end = put_text(end, board.code_memory, 16);
    end = put_text(end, HWP_BUILD_ID, 16);
    end = put_text(end, identity, BOARD_IDENTITY_BYTES);
    for (uint32_t i = 0; i < board.memory_count; i++) {
        end = put_memory(end, &board.memories[i]);
    }
    respond(request, (uint32_t)(end - start));
    return hwp_done();
}

static struct hwp_result place(const struct hwp_frame *request)
{
    struct hwp_placement placement = {request->payload[0], request->payload[1],
                                      request->payload[2]};
    struct hwp_result result = hwp_placement_check(&placement);
    if (result.code == HWP_OK) {
        session.placement = placement;
        session.placed = true;
        session.prepared = false;
        session.transfers[HWP_DESTINATION_WEIGHTS].start = NULL;
        respond(request, 0);
    }
    return result;
}

/* Where the bytes of a transfer go; NULL with a rule where that is not possible now. */
static struct hwp_region_span destination_span(uint32_t destination, struct hwp_result *result)
{
    const struct hwp_region_span none = {NULL, 0};
    const struct board_memory *memory = &board.memories[session.placement.weights];
    switch (destination) {
    case HWP_DESTINATION_PROGRAM:
        return (struct hwp_region_span){(uint8_t *)board.program.start, board.program.size_bytes};
    case HWP_DESTINATION_WEIGHTS:
        if (session.placed && (memory->flags & BOARD_TAKES_WEIGHTS) != 0) {
            return (struct hwp_region_span){memory->start, memory->size_bytes};
        }
        *result = hwp_refuse(HWP_ERROR_PLACEMENT, "the weights' memory takes none over the line");
        return none;
    case HWP_DESTINATION_ACTIVATIONS:
        if (session.prepared) {
            return session.program.regions.span[HWP_REGION_ACTIVATIONS];
        }
        *result = hwp_refuse(HWP_ERROR_SEQUENCE, "no program is prepared; send PREPARE first");
        return none;
    default:
        *result = hwp_refuse(HWP_ERROR_PAYLOAD, "a transfer's destination is not 0, 1 or 2");
        return none;
    }
}

static struct hwp_result begin(const struct hwp_frame *request)
{
    struct hwp_result result = hwp_done();
    uint32_t destination = hwp_get_u32(request->payload);
    uint32_t total_bytes = hwp_get_u32(request->payload + 4);
    struct hwp_region_span span = destination_span(destination, &result);
    if (result.code != HWP_OK) {
        return result;
    }
    if (total_bytes > span.size_bytes) {
        return hwp_refuse(HWP_ERROR_BOUNDS, "the transfer is larger than its memory");
    }
    session.prepared = session.prepared && destination == HWP_DESTINATION_ACTIVATIONS;
    session.open = &session.transfers[destination];
    *session.open = (struct hwp_transfer){
        span.start, total_bytes, hwp_get_u32(request->payload + 8), 0};
    respond(request, 0);
    return result;
}

static struct hwp_result chunk(const struct hwp_frame *request)
{
    if (session.open == NULL) {
        return hwp_refuse(HWP_ERROR_SEQUENCE, "no transfer is open; send BEGIN first");
    }
    struct hwp_result result =
        hwp_transfer_chunk(session.open, hwp_get_u32(request->payload), request->payload + 4,
                           request->payload_bytes - 4u);
    if (result.code == HWP_OK) {
        hwp_put_u32(hwp_frame_payload(), session.open->received_bytes);
        respond(request, 4);
    }
    return result;
}

/* Weights must be where the program expects them, as many, and unchanged. */
static struct hwp_result check_weights(bool staged, uint32_t weights_bytes, uint32_t crc32)
{
    const struct hwp_region_span *weights = &session.program.regions.span[HWP_REGION_WEIGHTS];
    uint32_t flags = board.memories[session.placement.weights].flags;
    if (weights_bytes != weights->size_bytes) {
        return hwp_refuse(HWP_ERROR_PROGRAM, "PREPARE and the program differ in weights_bytes");
    }
    if (weights_bytes == 0) {
        return hwp_done();
    }
    if (staged && (flags & BOARD_STAGES_WEIGHTS) == 0) {
        return hwp_refuse(HWP_ERROR_PLACEMENT, "the weights' memory is not staged by a probe");
    }
    if (!staged && !hwp_transfer_is_complete(&session.transfers[HWP_DESTINATION_WEIGHTS])) {
        return hwp_refuse(HWP_ERROR_SEQUENCE, "the weights have not been sent");
    }
    if (hwp_crc32(weights->start, weights_bytes) != crc32) {
        return hwp_refuse(HWP_ERROR_CHECKSUM, "the weights do not have their checksum");
    }
    return hwp_done();
}

static struct hwp_result prepare(const struct hwp_frame *request)
{
    const struct hwp_transfer *transfer = &session.transfers[HWP_DESTINATION_PROGRAM];
    session.prepared = false;
    if (!session.placed) {
        return hwp_refuse(HWP_ERROR_SEQUENCE, "no placement is chosen; send PLACE first");
    }
    if (!hwp_transfer_is_complete(transfer)) {
        return hwp_refuse(HWP_ERROR_SEQUENCE, "no whole program has been sent");
    }
    struct hwp_result result =
        hwp_program_prepare(&session.program, transfer->total_bytes, &session.placement);
    if (result.code == HWP_OK) {
        result = check_weights((hwp_get_u32(request->payload) & HWP_PREPARE_STAGED) != 0,
                               hwp_get_u32(request->payload + 4),
                               hwp_get_u32(request->payload + 8));
    }
    if (result.code == HWP_OK) {
        session.prepared = true;
        respond(request, 0);
    }
    return result;
}

static uint8_t *put_measured(uint8_t *bytes, struct hwp_measured measured)
{
    bytes = hwp_put_u32(bytes, (uint32_t)measured.cycles);
    bytes = hwp_put_u32(bytes, (uint32_t)(measured.cycles >> 32));
    return hwp_put_u32(bytes, measured.crc32);
}

/* Runs all records once and sends a frame for each group of them. */
static void run_once(const struct hwp_frame *request, uint32_t repeat, uint32_t flags)
{
    const struct hwp_record *record = session.program.records;
    uint32_t total = session.program.header->record_count;
    for (uint32_t first = 0; first < total; first += HWP_RUN_RECORDS_PER_FRAME) {
        uint32_t left = total - first;
        uint32_t count = left < HWP_RUN_RECORDS_PER_FRAME ? left : HWP_RUN_RECORDS_PER_FRAME;
        uint8_t *start = hwp_frame_payload();
        uint8_t *end = hwp_put_u32(start, repeat);
        end = hwp_put_u32(end, first);
        end = hwp_put_u32(end, count);
        for (uint32_t i = 0; i < count; i++) {
            bool is_last = first + i + 1u == total;
            bool checksum = (flags & HWP_RUN_CHECKSUM) != 0 ||
                            (is_last && (flags & HWP_RUN_CHECKSUM_LAST) != 0);
            end = put_measured(end, hwp_run_record(&session.program, record, checksum));
            record = hwp_record_next(record);
        }
        respond(request, (uint32_t)(end - start));
    }
}

static struct hwp_result run(const struct hwp_frame *request)
{
    uint32_t flags = hwp_get_u32(request->payload);
    uint32_t repeats = hwp_get_u32(request->payload + 4);
    if (!session.prepared) {
        return hwp_refuse(HWP_ERROR_SEQUENCE, "no program is prepared; send PREPARE first");
    }
    if (repeats == 0 || repeats > MAX_REPEATS) {
        return hwp_refuse(HWP_ERROR_PAYLOAD, "repeats is not in 1 to 10000");
    }
    const char *fault = board_fault();
    if (fault != NULL) {
        return hwp_refuse(HWP_ERROR_COUNTER, fault);
    }
    if (!hwp_cycle_counter_runs()) {
        return hwp_refuse(HWP_ERROR_COUNTER, "the cycle counter does not move");
    }
    for (uint32_t repeat = 0; repeat < repeats; repeat++) {
        if ((flags & HWP_RUN_FILL_INPUTS) != 0) {
            hwp_program_fill_inputs(&session.program);
        }
        if ((flags & HWP_RUN_COLD) != 0) {
            board_forget_caches();
        }
        run_once(request, repeat, flags);
    }
    return hwp_done();
}

static struct hwp_result read(const struct hwp_frame *request)
{
    hwp_address_t address = hwp_get_u32(request->payload);
    uint32_t size_bytes = hwp_get_u32(request->payload + 4);
    if (!session.prepared) {
        return hwp_refuse(HWP_ERROR_SEQUENCE, "no program is prepared; send PREPARE first");
    }
    if (size_bytes > HWP_MAX_PAYLOAD_BYTES ||
        !hwp_regions_hold(&session.program.regions, address, size_bytes)) {
        return hwp_refuse(HWP_ERROR_BOUNDS, "the bytes to read are not inside one region");
    }
    memcpy(hwp_frame_payload(), hwp_regions_pointer(&session.program.regions, address),
           size_bytes);
    respond(request, size_bytes);
    return hwp_done();
}

static struct hwp_result abort_all(const struct hwp_frame *request)
{
    session.placed = false;
    session.prepared = false;
    session.open = NULL;
    memset(session.transfers, 0, sizeof session.transfers);
    respond(request, 0);
    return hwp_done();
}

struct message {
    uint32_t min_bytes;
    uint32_t max_bytes;
    struct hwp_result (*answer)(const struct hwp_frame *request);
};

static const struct message messages[HWP_MESSAGE_COUNT] = {
    [HWP_MESSAGE_HELLO] = {0, 0, hello},
    [HWP_MESSAGE_BEGIN] = {12, 12, begin},
    [HWP_MESSAGE_CHUNK] = {5, HWP_MAX_PAYLOAD_BYTES, chunk},
    [HWP_MESSAGE_PLACE] = {4, 4, place},
    [HWP_MESSAGE_PREPARE] = {12, 12, prepare},
    [HWP_MESSAGE_RUN] = {8, 8, run},
    [HWP_MESSAGE_READ] = {8, 8, read},
    [HWP_MESSAGE_ABORT] = {0, 0, abort_all},
};

static struct hwp_result answer(const struct hwp_frame *request)
{
    if (request->type >= HWP_MESSAGE_COUNT || messages[request->type].answer == NULL) {
        return hwp_refuse(HWP_ERROR_TYPE, "the message type is unknown");
    }
    const struct message *message = &messages[request->type];
    if (request->payload_bytes < message->min_bytes ||
        request->payload_bytes > message->max_bytes) {
        return hwp_refuse(HWP_ERROR_PAYLOAD, "the payload has a wrong size");
    }
    return message->answer(request);
}

static uint8_t *put_decimal(uint8_t *bytes, uint32_t value)
{
    uint32_t unit = 1;
    while (value / unit >= 10u) {
        unit *= 10u;
    }
    for (; unit > 0; unit /= 10u) {
        *bytes++ = (uint8_t)('0' + value / unit % 10u);
    }
    return bytes;
}

static void send_refusal(const struct hwp_frame *request, struct hwp_result result)
{
    uint8_t *start = hwp_frame_payload();
    uint8_t *end = hwp_put_u16(start, (uint16_t)result.code);
    if (result.record >= 0) {
        end = put_text(end, "record ", 7);
        end = put_decimal(end, (uint32_t)result.record);
        end = put_text(end, ": ", 2);
    }
    end = put_text(end, result.rule, (uint32_t)strlen(result.rule));
    hwp_frame_send(HWP_RESPONSE_ERROR, request->sequence, (uint32_t)(end - start));
}

void hwp_session_serve(void)
{
    struct hwp_frame request;
    for (;;) {
        hwp_frame_receive(&request);
        /* HELLO is answered whatever the version, so that the host can say what is wrong. */
        if (request.version != HWP_PROTOCOL_VERSION && request.type != HWP_MESSAGE_HELLO) {
            continue;
        }
        struct hwp_result result = answer(&request);
        if (result.code != HWP_OK) {
            send_refusal(&request, result);
        }
    }
}
