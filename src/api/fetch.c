/* GET /v1/topics/{topic}/partitions/{partition}/messages */
#include "aviary/base/clock.h"

#include <inttypes.h>
#include <stdio.h>

#include "fetch_output.h"
#include "handlers.h"
#include "media.h"
#include "offset.h"
#include "text.h"

struct fetch {
    uint64_t group;
    struct offset_form from;
    int64_t offset; /* where to read; -1: `from` is not resolved yet */
    uint32_t limit;
    size_t bytes_max;
    uint64_t wait_end_ms; /* monotonic: a long poll's end; 0: does not wait */
    enum read_level level;
    enum fetch_format format;
};

static const char *const media_types[] = {[FETCH_JSON] = MEDIA_JSON,
                                          [FETCH_NDJSON] = MEDIA_NDJSON,
                                          [FETCH_BATCH] = MEDIA_BATCH,
                                          [FETCH_RAW] = MEDIA_TEXT};
static const char *const format_names[] = {
    [FETCH_JSON] = "json", [FETCH_NDJSON] = "ndjson", [FETCH_BATCH] = "batch", [FETCH_RAW] = "raw"};
enum {
    FORMAT_COUNT = sizeof media_types / sizeof media_types[0],
    READ_BYTES_MIN = 16 * 1024,
    READ_RECORD_BYTES = 256, /* a guess at a record's size in the log */
};

/* ---- What the client asks for ---- */

static bool read_format(struct call *call, enum fetch_format *ret_format) {
    const struct slice *name = http_request_parameter(call->request, "format");
    for (int i = 0; name && i < FORMAT_COUNT; i++) {
        if (text_equal(*name, format_names[i])) {
            *ret_format = (enum fetch_format)i;
            return true;
        }
    }
    if (name) {
        call_fail(call, ERROR_MALFORMED, "format must be json, ndjson, batch or raw");
        return false;
    }
    int chosen = media_choose(http_request_header(call->request, "Accept"), media_types, FORMAT_COUNT);
    if (chosen < 0) {
        call_fail(call, ERROR_FORMAT,
                  "Accept must allow " MEDIA_JSON ", " MEDIA_NDJSON ", " MEDIA_BATCH " or " MEDIA_TEXT);
        return false;
    }
    *ret_format = (enum fetch_format)chosen;
    return true;
}

static bool read_number(struct call *call, const char *name, uint64_t low, uint64_t high,
                        uint64_t *ret_number) {
    const struct slice *text = http_request_parameter(call->request, name);
    uint64_t number;
    if (text == NULL) {
        return true;
    }
    if (!text_to_u64(*text, high, &number) || number < low) {
        call_fail(call, ERROR_MALFORMED, "%s must be a whole number from %" PRIu64 " to %" PRIu64, name, low,
                  high);
        return false;
    }
    *ret_number = number;
    return true;
}

static bool read_offset(struct call *call, struct fetch *fetch) {
    const struct slice *text = http_request_parameter(call->request, "offset");
    const struct slice *resolved = call_peer_header(call, "X-Aviary-Offset");
    uint64_t offset;
    if (text && !offset_parse(*text, &fetch->from)) {
        call_fail(call, ERROR_MALFORMED,
                  "offset must be a number, earliest, latest, -N (the last N) or @milliseconds since "
                  "1970-01-01 UTC");
        return false;
    }
    if (resolved && text_to_u64(*resolved, INT64_MAX, &offset)) {
        fetch->offset = (int64_t)offset;
    }
    return true;
}

/* The wait in milliseconds; another broker asks for a part of it. */
static bool read_wait(struct call *call, uint64_t *ret_wait_ms) {
    const struct slice *part = call_peer_header(call, "X-Aviary-Wait-Ms");
    if (part && text_to_u64(*part, LONG_POLL_MS_MAX, ret_wait_ms)) {
        return true;
    }
    return read_number(call, "wait", 0, LONG_POLL_MS_MAX, ret_wait_ms);
}

static bool read_request(struct call *call, struct fetch *fetch) {
    uint64_t limit = FETCH_RECORDS_DEFAULT;
    uint64_t bytes_max = FETCH_BYTES_DEFAULT;
    uint64_t wait_ms = 0;
    if (!read_format(call, &fetch->format) || !read_get_level(call, &fetch->level) ||
        !read_offset(call, fetch) || !read_number(call, "limit", 1, FETCH_RECORDS_MAX, &limit) ||
        !read_number(call, "max_bytes", 1, FETCH_BYTES_MAX, &bytes_max) || !read_wait(call, &wait_ms)) {
        return false;
    }
    fetch->limit = (uint32_t)limit;
    fetch->bytes_max = bytes_max;
    if (wait_ms > 0) {
        fetch->wait_end_ms = clock_monotonic_ms() + wait_ms;
        call->deadline_ms += call->forwarded ? 0 : wait_ms; /* a forwarder counts it in already */
    }
    return true;
}

/* ---- At a replica here ---- */

static enum status resolve(struct call *call, struct fetch *fetch) {
    if (fetch->offset >= 0) {
        return STATUS_OK;
    }
    if (fetch->from.kind == OFFSET_TIME) {
        return broker_offset_at_time(call->api->broker, fetch->group, fetch->from.value, &fetch->offset);
    }
    struct broker_partition_position position;
    if (!broker_partition_position(call->api->broker, fetch->group, &position)) {
        return STATUS_NOT_FOUND;
    }
    fetch->offset = offset_resolve(fetch->from, position.log_start_offset, position.high_watermark);
    return STATUS_OK;
}

/*
 * How much to ask of the log at once: a reader of a few records shall not make us read a megabyte of small
 * ones, and who wants more is served in several rounds.
 */
static size_t round_bytes(uint32_t limit, size_t bytes_max) {
    size_t likely = READ_BYTES_MIN + (size_t)limit * READ_RECORD_BYTES;
    return likely < bytes_max ? likely : bytes_max;
}

static enum status write_entries(struct fetch_output *output, const struct broker_fetch_result *result,
                                 struct buffer *scratch) {
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < result->entries.count && !output->full; i++) {
        struct slice batch = entry_payload(blob_slice(result->entries.entries[i].blob));
        status = fetch_output_batch(output, batch, scratch, NULL);
    }
    return status;
}

/* What was read first, and more of the log until there is enough. */
static enum status write_body(struct call *call, const struct fetch *fetch,
                              struct broker_fetch_result *result, struct fetch_output *output) {
    _cleanup_buffer_ struct buffer scratch;
    buffer_init(&scratch, RECORD_BATCH_UNPACKED_MAX);
    fetch_output_begin(output, fetch->format, http_response_body(call->response),
                       call_flag(call, "pretty") ? JSON_PRETTY : JSON_COMPACT, fetch->offset, fetch->limit,
                       fetch->bytes_max);
    enum status status = write_entries(output, result, &scratch);
    while (status == STATUS_OK && result->entries.count > 0 && fetch_output_has_room(output) &&
           output->next_offset < result->high_watermark) {
        struct broker_fetch_request request = {
            .group = fetch->group,
            .offset = output->next_offset,
            .bytes_max = round_bytes(output->limit, output->bytes_max),
        };
        storage_entries_finish(&result->entries);
        status = broker_fetch(call->api->broker, &request, result);
        if (status == STATUS_OK) {
            status = write_entries(output, result, &scratch);
        }
    }
    fetch_output_end(output);
    return status;
}

static enum leader_outcome reply(struct call *call, const struct fetch *fetch,
                                 struct broker_fetch_result *result) {
    struct fetch_output output;
    enum status status = write_body(call, fetch, result, &output);
    if (status != STATUS_OK) {
        return read_fail(call, status, output.next_offset, result);
    }
    struct http_response *response = call->response;
    http_response_content_type(response, media_types[fetch->format]);
    http_response_header(response, "X-Content-Type-Options", "nosniff");
    http_response_header_u64(response, "X-Record-Count", output.count);
    http_response_header_u64(response, "X-Next-Offset", (uint64_t)output.next_offset);
    http_response_header_u64(response, "X-High-Watermark", (uint64_t)result->high_watermark);
    http_response_header_u64(response, "X-Log-Start-Offset", (uint64_t)result->log_start_offset);
    call->term = result->term;
    return LEADER_DONE;
}

/* A long poll looks up from its waiting this often: at leadership, and at the server being stopped. */
static uint64_t piece_end_ms(const struct fetch *fetch) {
    uint64_t piece_ms = clock_monotonic_ms() + LONG_POLL_PIECE_MS;
    return piece_ms < fetch->wait_end_ms ? piece_ms : fetch->wait_end_ms;
}

static bool is_over(const struct call *call, const struct fetch *fetch) {
    return clock_monotonic_ms() >= fetch->wait_end_ms || http_request_is_stopping(call->request);
}

static bool still_leads(const struct call *call, const struct fetch *fetch) {
    struct broker_partition_position position;
    return fetch->level == READ_NONE ||
           (broker_partition_position(call->api->broker, fetch->group, &position) && position.here);
}

/* Replies with what is there; LEADER_AGAIN where that is nothing, and the client would wait. */
static enum leader_outcome look(struct call *call, const struct fetch *fetch) {
    struct broker_fetch_request request = {
        .group = fetch->group,
        .offset = fetch->offset,
        .bytes_max = round_bytes(fetch->limit, fetch->bytes_max),
    };
    struct broker_fetch_result result = {0};
    enum leader_outcome outcome = LEADER_AGAIN;
    struct places *place = call_take_place(call, request.bytes_max);
    if (place == NULL) {
        return LEADER_DONE;
    }
    enum status status = broker_fetch(call->api->broker, &request, &result);
    if (status != STATUS_OK) {
        outcome = read_fail(call, status, fetch->offset, &result);
    } else if (result.entries.count > 0 || is_over(call, fetch)) {
        outcome = reply(call, fetch, &result);
    }
    storage_entries_finish(&result.entries);
    call_give_place(call, place);
    return outcome;
}

/* For a first record, or a while. What is there then, or is wrong, the next look finds. */
static void await_records(struct call *call, const struct fetch *fetch) {
    struct broker_fetch_request request = {
        .group = fetch->group, .offset = fetch->offset, .bytes_max = 1, .deadline_ms = piece_end_ms(fetch)};
    struct broker_fetch_result result = {0};
    (void)!broker_fetch(call->api->broker, &request, &result);
    storage_entries_finish(&result.entries);
}

static enum leader_outcome fetch_here(struct call *call, const struct broker_route *route, void *context) {
    (void)route;
    struct fetch *fetch = context;
    if (!read_barrier(call, fetch->group, fetch->level)) {
        return LEADER_RETRY;
    }
    enum status status = resolve(call, fetch);
    if (status != STATUS_OK) {
        return read_fail(call, status, 0, &(struct broker_fetch_result){0});
    }
    for (;;) {
        enum leader_outcome outcome = look(call, fetch);
        if (outcome != LEADER_AGAIN || !still_leads(call, fetch)) {
            return outcome;
        }
        await_records(call, fetch);
    }
}

/* ---- At another broker ---- */

static enum leader_outcome fetch_there(struct call *call, const struct broker_route *route, void *context) {
    struct fetch *fetch = context;
    char wait_text[24];
    char offset_text[24];
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t wait_ms = fetch->wait_end_ms > now_ms ? fetch->wait_end_ms - now_ms : 0;
    wait_ms = wait_ms < FORWARD_WAIT_MS ? wait_ms : FORWARD_WAIT_MS;
    snprintf(wait_text, sizeof wait_text, "%" PRIu64, wait_ms);
    snprintf(offset_text, sizeof offset_text, "%" PRId64, fetch->offset);
    struct hop hop;
    leader_hop_of_call(call, route, &hop);
    hop_header(&hop, "X-Aviary-Wait-Ms", slice_of_string(wait_text));
    if (fetch->offset >= 0) {
        hop_header(&hop, "X-Aviary-Offset", slice_of_string(offset_text));
    }
    hop.resend_allowed = true;
    hop.route = route;
    hop.deadline_ms = hop_attempt_end_ms(call, route, wait_ms);
    _cleanup_hop_answer_ struct http_client_response answer;
    enum status status = hop_perform(call->api, &hop, &answer, NULL);
    if (status == STATUS_OK && answer.status == 200 && hop_answer_number(&answer, "X-Record-Count") == 0 &&
        !is_over(call, fetch)) {
        fetch->offset = (int64_t)hop_answer_number(&answer, "X-Next-Offset");
        return LEADER_AGAIN;
    }
    return leader_reply_hop(call, route, status, &answer, true);
}

static void fetch_answer(struct call *call, struct fetch *fetch) {
    static const struct leader_task task = {.here = fetch_here, .there = fetch_there};
    struct api *api = call->api;
    if (fetch->wait_end_ms == 0) {
        read_answer(call, fetch->group, fetch->level, &task, fetch);
        return;
    }
    if (atomic_fetch_add(&api->long_polls, 1) >= LONG_POLLS_MAX) {
        call_fail(call, ERROR_BUSY,
                  "%d readers are waiting here already: ask without ?wait, or another broker",
                  LONG_POLLS_MAX);
    } else {
        read_answer(call, fetch->group, fetch->level, &task, fetch);
    }
    atomic_fetch_sub(&api->long_polls, 1);
}

void handle_fetch(struct call *call) {
    struct fetch fetch = {.from = {.kind = OFFSET_EARLIEST}, .offset = -1};
    struct topic topic;
    uint32_t partition;
    if (read_request(call, &fetch) && topic_get_path(call, &topic, &partition, &fetch.group)) {
        fetch_answer(call, &fetch);
    }
}
