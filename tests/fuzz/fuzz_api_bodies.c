/*
 * JSON bodies of requests: a message of the simple dialect, and a topic's configs. A message that is taken,
 * written as a record's value, is read back the same, and shown it is JSON; configs come out ascending, each
 * one known and of its type.
 */
#include "fuzz.h"

#include "api/simple_message.h"
#include "api/topics.h"
#include "http/response.h"

static void check_same(const struct simple_message *a, const struct simple_message *b) {
    ASSERT(slice_equal(a->msg_id, b->msg_id) && slice_equal(a->sender, b->sender));
    ASSERT(slice_equal(a->recipient, b->recipient) && slice_equal(a->payload, b->payload));
    ASSERT(a->ts == b->ts);
}

/* What a reader is shown is JSON, whatever stands in the record. */
static void check_shown(const struct simple_message *message) {
    static struct buffer shown = {.size_max = SIZE_MAX};
    _cleanup_json_ struct json *json = NULL;
    struct json_writer writer;
    buffer_clear(&shown);
    json_writer_init(&writer, &shown, JSON_COMPACT);
    simple_message_show(&writer, 1, message);
    bool has_nul = memmem(shown.data, shown.size, "\\u0000", 6) != NULL; /* which our own tree refuses */
    ASSERT(has_nul || json_parse(buffer_slice(&shown), &json, NULL) == STATUS_OK);
}

static void check_record(struct slice value) {
    struct json *json;
    struct simple_message message;
    struct record record = {
        .has_key = true, .has_value = true, .key = slice_of_string("key"), .value = value, .timestamp_ms = 5};
    simple_message_read(&record, &json, &message);
    check_shown(&message);
    json_destroy(json);
}

static void check_message(const struct json *body) {
    static struct buffer value = {.size_max = SIZE_MAX};
    struct simple_message read;
    struct error error = {0};
    bool has_ts = false;
    struct simple_message message = {
        .msg_id = slice_of_string("id"),
        .sender = slice_of_string("unknown"),
        .recipient = slice_of_string("all"),
    };
    if (simple_message_take(body, &message, &has_ts, &error) != STATUS_OK) {
        ASSERT(error.status == STATUS_INVALID && error.message[0] != '\0');
        return;
    }
    ASSERT(message.msg_id.size > 0 && message.msg_id.size <= SIMPLE_NAME_BYTES_MAX);
    message.ts = has_ts ? message.ts : 7;
    buffer_clear(&value);
    simple_message_write(&message, &value);
    struct record record = {.has_value = true, .value = buffer_slice(&value)};
    struct json *json;
    simple_message_read(&record, &json, &read);
    check_same(&message, &read);
    check_shown(&read);
    json_destroy(json);
}

static void check_configs(const struct json *body, bool may_remove) {
    static struct budget budget = {.bytes_max = SIZE_MAX};
    static struct http_response response;
    static struct call call = {.response = &response};
    _cleanup_free_ struct metadata_config *configs = NULL;
    uint32_t count;
    if (response.status == 0) {
        response_init(&response, &budget);
    }
    http_response_reset(&response);
    if (!topics_read_configs(&call, body, may_remove, &configs, &count)) {
        ASSERT(http_response_status(&response) >= 400 && http_response_status(&response) < 500);
        ASSERT(http_response_body_size(&response) > 0);
        return;
    }
    ASSERT(http_response_status(&response) == 200 && count <= TOPIC_CONFIGS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct slice value = slice_of_string(configs[i].value);
        ASSERT(i == 0 || strcmp(configs[i - 1].name, configs[i].name) < 0);
        ASSERT(metadata_check_config(slice_of_string(configs[i].name), value, NULL) == STATUS_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    _cleanup_blob_ struct blob *text = fuzz_copy(slice_make(data, size));
    _cleanup_json_ struct json *body = NULL;
    check_record(blob_slice(text));
    if (json_parse(blob_slice(text), &body, NULL) == STATUS_OK && json_type(body) == JSON_OBJECT) {
        check_message(body);
        check_configs(body, true);
        check_configs(body, false);
    }
    return 0;
}
