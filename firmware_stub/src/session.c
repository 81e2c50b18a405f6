/* One request at a time: check the payload's size, then the state, then do it and answer. */
#include "session.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "board.h"
#include "crc32.h"
#include "describe.h"
#include "frame.h"
#include "interpreter.h"
#include "line.h"
#include "program.h"
#include "records.h"
#include "results.h"
#include "transfer.h"

#define DESTINATIONS 3u
#define MAX_REPEATS 10000u
#define PIECE_HEADER_BYTES 4u

static struct {
    bool placed;
    bool prepared;
    uint16_t prepared_by; /* sequence number of the PREPARE */
    struct hwp_placement placement;
    struct hwp_transfer transfers[DESTINATIONS];
    struct hwp_transfer *open;
    struct hwp_program program;
} session;

static void respond(const struct hwp_frame *request, uint32_t payload_bytes)
{
    hwp_frame_send(request->type | HWP_RESPONSE, request->sequence, payload_bytes);
}

/* The description, or the piece of it that is asked for. */
static struct hwp_result hello(const struct hwp_frame *request)
{
    uint8_t *start = hwp_frame_payload();
    if (request->payload_bytes == 0) {
        respond(request, hwp_describe(start));
        return hwp_done();
    }
    if (request->payload_bytes != 4u) {
        return hwp_refuse(HWP_ERROR_PAYLOAD, "the payload has a wrong size");
    }
    uint32_t offset = hwp_get_u16(request->payload);
    uint32_t asked_bytes = hwp_get_u16(request->payload + 2);
    uint32_t total_bytes = hwp_describe(start + PIECE_HEADER_BYTES);
    if (offset > total_bytes) {
        return hwp_refuse(HWP_ERROR_BOUNDS, "the piece lies behind the description");
    }
    uint32_t left_bytes = total_bytes - offset;
    uint32_t piece_bytes = asked_bytes < left_bytes ? asked_bytes : left_bytes;
    memmove(start + PIECE_HEADER_BYTES, start + PIECE_HEADER_BYTES + offset, piece_bytes);
    hwp_put_u16(hwp_put_u16(start, (uint16_t)offset), (uint16_t)total_bytes);
    respond(request, PIECE_HEADER_BYTES + piece_bytes);
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

/* A request that was sent again while the first was under way costs nothing. */
static struct hwp_result prepare(const struct hwp_frame *request)
{
    if (session.prepared && session.prepared_by == request->sequence) {
        respond(request, 0);
        return hwp_done();
    }
    const struct hwp_transfer *transfer = &session.transfers[HWP_DESTINATION_PROGRAM];
    session.prepared = false;
    hwp_results_forget();
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
        session.prepared_by = request->sequence;
        respond(request, 0);
    }
    return result;
}

struct run_order {
    uint32_t flags;
    uint32_t repeats;
    uint32_t records_per_frame;
};

static void send_results(const struct hwp_frame *request, const struct hwp_result_range *range)
{
    uint32_t size_bytes = hwp_results_put(hwp_frame_payload(), range);
    hwp_frame_send(HWP_MESSAGE_RESULTS | HWP_RESPONSE, request->sequence, size_bytes);
}

static bool is_summed(uint32_t flags, bool is_last)
{
    return (flags & HWP_RUN_CHECKSUM) != 0 || (is_last && (flags & HWP_RUN_CHECKSUM_LAST) != 0);
}

/* Runs all records once and sends a frame for each group of them. */
static void run_once(const struct hwp_frame *request, const struct run_order *order,
                     uint32_t repeat)
{
    const struct hwp_record *record = session.program.records;
    uint32_t total = session.program.header->record_count;
    struct hwp_result_range range = {request->sequence, repeat, 0, 0};
    for (uint32_t number = 0; number < total; number++) {
        bool is_last = number + 1u == total;
        hwp_results_add(
            hwp_run_record(&session.program, record, is_summed(order->flags, is_last)));
        record = hwp_record_next(record);
        range.count++;
        if (is_last || range.count == order->records_per_frame) {
            send_results(request, &range);
            range.first += range.count;
            range.count = 0;
        }
    }
}

static struct hwp_result check_run(const struct run_order *order)
{
    if (!session.prepared) {
        return hwp_refuse(HWP_ERROR_SEQUENCE, "no program is prepared; send PREPARE first");
    }
    if (order->repeats == 0 || order->repeats > MAX_REPEATS) {
        return hwp_refuse(HWP_ERROR_PAYLOAD, "repeats is not in 1 to 10000");
    }
    if (order->records_per_frame == 0 || order->records_per_frame > HWP_MAX_RECORDS_PER_FRAME) {
        return hwp_refuse(HWP_ERROR_PAYLOAD, "records in a frame are not in 1 to 64");
    }
    const char *fault = board_fault();
    if (fault != NULL) {
        return hwp_refuse(HWP_ERROR_COUNTER, fault);
    }
    if (!hwp_cycle_counter_runs()) {
        return hwp_refuse(HWP_ERROR_COUNTER, "the cycle counter does not move");
    }
    return hwp_done();
}

/* A request that was sent again is answered and not run again: RESULTS has what it cost. */
static struct hwp_result run(const struct hwp_frame *request)
{
    struct run_order order = {hwp_get_u32(request->payload), hwp_get_u32(request->payload + 4),
                              hwp_get_u32(request->payload + 8)};
    struct hwp_result result = check_run(&order);
    if (result.code != HWP_OK) {
        return result;
    }
    respond(request, 0);
    if (hwp_results_are_of(request->sequence)) {
        return result;
    }
    hwp_results_begin(request->sequence, session.program.header->record_count);
    for (uint32_t repeat = 0; repeat < order.repeats; repeat++) {
        if ((order.flags & HWP_RUN_FILL_INPUTS) != 0) {
            hwp_program_fill_inputs(&session.program);
        }
        if ((order.flags & HWP_RUN_COLD) != 0) {
            board_forget_caches();
        }
        run_once(request, &order, repeat);
    }
    return result;
}

static struct hwp_result results(const struct hwp_frame *request)
{
    struct hwp_result_range range = {
        hwp_get_u32(request->payload), hwp_get_u32(request->payload + 4),
        hwp_get_u32(request->payload + 8), hwp_get_u32(request->payload + 12)};
    if (range.count == 0 || range.count > HWP_MAX_RECORDS_PER_FRAME) {
        return hwp_refuse(HWP_ERROR_PAYLOAD, "records in a frame are not in 1 to 64");
    }
    if (!session.prepared || !hwp_results_hold(&range)) {
        return hwp_refuse(HWP_ERROR_SEQUENCE, "the results are not kept; send RUN");
    }
    send_results(request, &range);
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

/* Answered at the rate of the request; what comes next is at the other one. */
static struct hwp_result baud(const struct hwp_frame *request)
{
    uint32_t nearest = board_nearest_baud(hwp_get_u32(request->payload));
    if (nearest == 0) {
        return hwp_refuse(HWP_ERROR_PAYLOAD, "the line cannot be set to this rate");
    }
    hwp_put_u32(hwp_frame_payload(), nearest);
    respond(request, 4);
    hwp_line_try_baud(nearest);
    return hwp_done();
}

static struct hwp_result abort_all(const struct hwp_frame *request)
{
    session.placed = false;
    session.prepared = false;
    session.open = NULL;
    hwp_results_forget();
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
    [HWP_MESSAGE_HELLO] = {0, 4, hello},
    [HWP_MESSAGE_BEGIN] = {12, 12, begin},
    [HWP_MESSAGE_CHUNK] = {5, HWP_MAX_PAYLOAD_BYTES, chunk},
    [HWP_MESSAGE_PLACE] = {4, 4, place},
    [HWP_MESSAGE_PREPARE] = {12, 12, prepare},
    [HWP_MESSAGE_RUN] = {12, 12, run},
    [HWP_MESSAGE_READ] = {8, 8, read},
    [HWP_MESSAGE_ABORT] = {0, 0, abort_all},
    [HWP_MESSAGE_RESULTS] = {16, 16, results},
    [HWP_MESSAGE_BAUD] = {4, 4, baud},
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
        end = hwp_put_text(end, "record ", 7);
        end = put_decimal(end, (uint32_t)result.record);
        end = hwp_put_text(end, ": ", 2);
    }
    end = hwp_put_text(end, result.rule, (uint32_t)strlen(result.rule));
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
