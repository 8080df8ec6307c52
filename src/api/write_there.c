#include "write_there.h"

#include <inttypes.h>
#include <stdio.h>

#include "hop.h"
#include "media.h"
#include "text.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 };

static enum status mint_key(struct write_key *key, struct error *error) {
    struct uuid uuid;
    if (uuid_generate(&uuid) != STATUS_OK) {
        return error_set(error, STATUS_IO, "the system gives no random bytes: nothing was appended");
    }
    char text[UUID_TEXT_SIZE];
    uuid_format(&uuid, text);
    struct hash128 payload = {0}; /* nobody else can send under this key */
    write_key_set(key, slice_of_string(text), &payload);
    key->minted = true;
    return STATUS_OK;
}

static const char *acks_name(enum node_acks acks) {
    switch (acks) {
    case NODE_ACKS_NONE:
        return "0";
    case NODE_ACKS_LEADER:
        return "1";
    case NODE_ACKS_ALL:
        break;
    }
    return "all";
}

static enum status read_stored(struct write *write, const struct http_client_response *answer) {
    _cleanup_json_ struct json *json = NULL;
    int64_t offset;
    int64_t timestamp_ms;
    bool duplicate;
    if (json_parse(buffer_slice(&answer->body), &json, NULL) != STATUS_OK ||
        json_get_int64(json, "offset", JSON_REQUIRED, 0, INT64_MAX, &offset, NULL) != STATUS_OK ||
        json_get_int64(json, "timestamp", JSON_REQUIRED, 0, INT64_MAX, &timestamp_ms, NULL) != STATUS_OK ||
        json_get_bool(json, "duplicate", JSON_REQUIRED, &duplicate, NULL) != STATUS_OK) {
        return error_set(&write->error, STATUS_UNKNOWN, "broker %u gave an answer that cannot be read",
                         write->served_by);
    }
    write->base_offset = offset;
    write->timestamp_ms = timestamp_ms;
    write->duplicate = duplicate && !write->key->minted; /* what we sent twice the client sent once */
    return STATUS_OK;
}

static enum status read_refusal(struct write *write, const struct http_client_response *answer) {
    enum status status = error_status_of_http(answer->status);
    _cleanup_json_ struct json *json = NULL;
    struct slice message;
    int64_t code;
    if (json_parse(buffer_slice(&answer->body), &json, NULL) != STATUS_OK ||
        json_get_string(json, "message", JSON_REQUIRED, ERROR_MESSAGE_MAX, &message, NULL) != STATUS_OK ||
        json_get_int64(json, "error_code", JSON_REQUIRED, 0, INT32_MAX, &code, NULL) != STATUS_OK) {
        return error_set(&write->error, status, "broker %u answered %u", write->served_by, answer->status);
    }
    if (code == ERROR_NO_SPACE) {
        status = STATUS_NO_SPACE;
    } else if (code == ERROR_BUSY) {
        status = STATUS_FULL;
    }
    return error_set(&write->error, status, "%.*s", (int)message.size, (const char *)message.data);
}

static enum status read_answer(struct write *write, const struct broker_route *route,
                               const struct http_client_response *answer) {
    uint64_t term = hop_answer_number(answer, "X-Raft-Term");
    write->term = term > 0 ? term : route->term;
    write->served_by = route->leader;
    enum status status = error_status_of_http(answer->status);
    return status == STATUS_OK ? read_stored(write, answer) : read_refusal(write, answer);
}

static enum status send(struct write *write, const struct broker_route *route, struct slice path,
                        struct slice query, struct http_client_response *ret_answer) {
    struct call *call = write->call;
    char payload[HASH128_TEXT_SIZE];
    char if_match[32];
    char group[24];
    text_of_hash(&write->key->payload, payload);
    snprintf(group, sizeof group, "%" PRIu64, write->group);
    snprintf(if_match, sizeof if_match, "\"%" PRId64 "\"", write->expected_offset);
    struct hop hop = {
        .method = HTTP_METHOD_POST,
        .peer_address = route->peer_address,
        .path = path,
        .query = query,
        .body = write->batch,
        .deadline_ms = hop_attempt_end_ms(call, route, 0),
        .route = route,
        .resend_allowed = true, /* the key finds a second one */
        .answer_bytes_max = ANSWER_BYTES_MAX,
    };
    hop_header(&hop, "Content-Type", slice_of_string(MEDIA_BATCH));
    hop_header(&hop, "Idempotency-Key", slice_of_string(write->key->text));
    hop_header(&hop, "X-Aviary-Payload", slice_of_string(payload));
    hop_header(&hop, "X-Aviary-Group", slice_of_string(group));
    if (write->expected_offset >= 0) {
        hop_header(&hop, "If-Match", slice_of_string(if_match));
    }
    return hop_perform(call->api, &hop, ret_answer, &write->error);
}

enum status write_there(struct write *write, const struct broker_route *route) {
    enum status status = write->key->present ? STATUS_OK : mint_key(write->key, &write->error);
    if (status != STATUS_OK) {
        return status;
    }
    _cleanup_buffer_ struct buffer path;
    _cleanup_buffer_ struct buffer query;
    buffer_init(&path, HTTP_HEAD_BYTES_MAX);
    buffer_init(&query, HTTP_HEAD_BYTES_MAX);
    buffer_append_string(&path, "/v1/topics/");
    text_append_escaped(&path, write->topic->name);
    buffer_append_string(&path, "/messages");
    buffer_append_format(&query, "partition=%" PRIu32 "&acks=%s", write->partition, acks_name(write->acks));
    if (buffer_status(&path) != STATUS_OK || buffer_status(&query) != STATUS_OK) {
        return error_set(&write->error, STATUS_NO_MEMORY, "no memory for the batch: nothing was appended");
    }
    _cleanup_hop_answer_ struct http_client_response answer;
    status = send(write, route, buffer_slice(&path), buffer_slice(&query), &answer);
    if (status == STATUS_OK) {
        return read_answer(write, route, &answer);
    }
    if (status == STATUS_TOO_LARGE) { /* an answer came, but not one of ours */
        status = STATUS_UNKNOWN;
    }
    return error_set(&write->error, status, "broker %u, which leads the partition, %s", route->leader,
                     status == STATUS_UNKNOWN ? "took the batch and did not answer"
                                              : "cannot be reached: try again");
}
