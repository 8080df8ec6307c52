/* GET /v1/topics/{topic}/partitions/{partition}/messages/{offset}: one record, its value as the body. */
#include <inttypes.h>
#include <stdio.h>

#include "handlers.h"
#include "media.h"
#include "read.h"
#include "text.h"

struct message {
    uint64_t group;
    int64_t offset;
    enum read_level level;
};

/* Adds what can be a header; false where it cannot. */
static bool add_header(struct call *call, struct slice name, struct slice value) {
    return http_response_header_checked(call->response, name, value) == STATUS_OK;
}

/* X-Header-<name> for each that HTTP can carry; how many it cannot is told. */
static void add_record_headers(struct call *call, const struct record *record) {
    uint64_t omitted = 0;
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        _cleanup_buffer_ struct buffer name;
        buffer_init(&name, HTTP_RESPONSE_HEAD_BYTES_MAX);
        buffer_append_string(&name, "X-Header-");
        buffer_append_slice(&name, header->key);
        if (buffer_status(&name) != STATUS_OK || !header->has_value || header->key.size == 0 ||
            !add_header(call, buffer_slice(&name), header->value)) {
            omitted++;
        }
    }
    if (omitted > 0) {
        http_response_header_u64(call->response, "X-Headers-Omitted", omitted);
    }
}

/* A key that cannot stand in a head as it is stands there in base64. */
static void add_key(struct call *call, const struct record *record) {
    static const char name[] = "X-Key";
    static const char encoded_name[] = "X-Key-Base64";
    if (!record->has_key || add_header(call, slice_of_string(name), record->key)) {
        return;
    }
    _cleanup_buffer_ struct buffer encoded;
    buffer_init(&encoded, HTTP_RESPONSE_HEAD_BYTES_MAX / 2);
    text_append_base64(&encoded, record->key);
    if (buffer_status(&encoded) != STATUS_OK ||
        !add_header(call, slice_of_string(encoded_name), buffer_slice(&encoded))) {
        http_response_header(call->response, "X-Key-Omitted", "true");
    }
}

static void reply(struct call *call, const struct record *record) {
    struct http_response *response = call->response;
    char timestamp[24];
    snprintf(timestamp, sizeof timestamp, "%" PRId64, record->timestamp_ms);
    http_response_content_type(response, MEDIA_BYTES);
    http_response_header(response, "X-Content-Type-Options", "nosniff");
    http_response_header_u64(response, "X-Offset", (uint64_t)record->offset);
    http_response_header(response, "X-Timestamp", timestamp);
    if (!record->has_value) {
        http_response_header(response, "X-Null-Value", "true");
    }
    add_key(call, record);
    add_record_headers(call, record);
    buffer_append_slice(http_response_body(response), record->value);
}

/* The record of that offset in the batch that holds it. */
static enum status reply_from(struct call *call, const struct message *message, struct slice batch) {
    _cleanup_buffer_ struct buffer scratch;
    buffer_init(&scratch, RECORD_BATCH_UNPACKED_MAX);
    struct record_batch_view view;
    struct record_iterator iterator;
    struct record record;
    enum status status = read_open_batch(batch, &scratch, &view, &iterator, NULL);
    if (status != STATUS_OK) {
        return status;
    }
    if (message->offset < view.base_offset || message->offset - view.base_offset >= view.count) {
        return STATUS_CORRUPT;
    }
    status = record_iterator_skip(&iterator, (uint32_t)(message->offset - view.base_offset), NULL);
    if (status == STATUS_OK) {
        status = record_iterator_next(&iterator, &record, NULL);
    }
    if (status == STATUS_OK) {
        reply(call, &record);
    }
    return status;
}

static enum leader_outcome message_here(struct call *call, const struct broker_route *route, void *context) {
    (void)route;
    const struct message *message = context;
    if (!read_barrier(call, message->group, message->level)) {
        return LEADER_RETRY;
    }
    struct places *place = call_take_place(call, 1);
    if (place == NULL) {
        return LEADER_DONE;
    }
    struct broker_fetch_request request = {
        .group = message->group, .offset = message->offset, .bytes_max = 1};
    struct broker_fetch_result result = {0};
    enum status status = broker_fetch(call->api->broker, &request, &result);
    if (status == STATUS_OK && result.entries.count == 0) {
        status = STATUS_OUT_OF_RANGE; /* the next offset, which has no record yet */
    }
    if (status == STATUS_OK) {
        call->term = result.term;
        status = reply_from(call, message, entry_payload(blob_slice(result.entries.entries[0].blob)));
    }
    storage_entries_finish(&result.entries);
    call_give_place(call, place);
    return status == STATUS_OK ? LEADER_DONE : read_fail(call, status, message->offset, &result);
}

void handle_get_message(struct call *call) {
    static const struct leader_task task = {.here = message_here, .there = leader_forward_read};
    struct message message;
    struct topic topic;
    uint32_t partition;
    uint64_t offset;
    if (!text_to_u64(call->parameters[2], INT64_MAX, &offset)) {
        call_fail(call, ERROR_MALFORMED, "the offset must be a whole number, from 0 on");
        return;
    }
    message.offset = (int64_t)offset;
    if (read_get_level(call, &message.level) && topic_get_path(call, &topic, &partition, &message.group)) {
        read_answer(call, message.group, message.level, &task, &message);
    }
}
