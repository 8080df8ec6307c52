#include "simple_message.h"

#include "aviary/base/cleanup.h"
#include "aviary/base/utf8.h"

#include "text.h"

static enum status take_name(const struct json *body, const char *field, struct slice *name,
                             struct error *error) {
    enum status status = json_get_string(body, field, JSON_OPTIONAL, SIMPLE_NAME_BYTES_MAX, name, error);
    if (status == STATUS_OK && name->size == 0) {
        return error_set(error, STATUS_INVALID, "field \"%s\" must not be empty", field);
    }
    return status;
}

enum status simple_message_take(const struct json *body, struct simple_message *message, bool *ret_has_ts,
                                struct error *error) {
    static const char *const fields[] = {"payload", "sender", "recipient", "msg_id", "ts", NULL};
    enum status status = json_only_fields(body, fields, error);
    if (status == STATUS_OK) {
        status =
            json_get_string(body, "payload", JSON_REQUIRED, HTTP_BODY_BYTES_MAX, &message->payload, error);
    }
    if (status == STATUS_OK) {
        status = take_name(body, "sender", &message->sender, error);
    }
    if (status == STATUS_OK) {
        status = take_name(body, "recipient", &message->recipient, error);
    }
    if (status == STATUS_OK) {
        status = take_name(body, "msg_id", &message->msg_id, error);
    }
    if (status == STATUS_OK) {
        message->ts = -1;
        status = json_get_int64(body, "ts", JSON_OPTIONAL, 0, INT64_MAX, &message->ts, error);
        *ret_has_ts = message->ts >= 0;
    }
    return status;
}

static void write_fields(struct json_writer *writer, const struct simple_message *message) {
    json_key(writer, "msg_id");
    json_string(writer, message->msg_id);
    json_key(writer, "sender");
    json_string(writer, message->sender);
    json_key(writer, "recipient");
    json_string(writer, message->recipient);
}

void simple_message_write(const struct simple_message *message, struct buffer *out) {
    struct json_writer writer;
    json_writer_init(&writer, out, JSON_COMPACT);
    json_begin_object(&writer);
    write_fields(&writer, message);
    json_key(&writer, "payload");
    json_string(&writer, message->payload);
    json_key(&writer, "ts");
    json_int64(&writer, message->ts);
    json_end_object(&writer);
}

void simple_message_read(const struct record *record, struct json **ret_json,
                         struct simple_message *ret_message) {
    struct json *json = NULL;
    struct simple_message message;
    if (!record->has_value || json_parse(record->value, &json, NULL) != STATUS_OK ||
        json_get_string(json, "msg_id", JSON_REQUIRED, SIZE_MAX, &message.msg_id, NULL) != STATUS_OK ||
        json_get_string(json, "sender", JSON_REQUIRED, SIZE_MAX, &message.sender, NULL) != STATUS_OK ||
        json_get_string(json, "recipient", JSON_REQUIRED, SIZE_MAX, &message.recipient, NULL) != STATUS_OK ||
        json_get_string(json, "payload", JSON_REQUIRED, SIZE_MAX, &message.payload, NULL) != STATUS_OK ||
        json_get_int64(json, "ts", JSON_REQUIRED, 0, INT64_MAX, &message.ts, NULL) != STATUS_OK) {
        message = (struct simple_message){
            .msg_id = record->key,
            .sender = slice_of_string("unknown"),
            .recipient = slice_of_string("all"),
            .payload = record->value,
            .ts = record->timestamp_ms,
        };
    }
    *ret_json = json;
    *ret_message = message;
}

void simple_message_show(struct json_writer *writer, int64_t seq, const struct simple_message *message) {
    json_begin_object(writer);
    json_key(writer, "seq");
    json_int64(writer, seq);
    write_fields(writer, message);
    json_key(writer, "payload");
    if (utf8_valid(message->payload)) {
        json_string(writer, message->payload);
    } else {
        _cleanup_buffer_ struct buffer text;
        buffer_init(&text, writer->out->size_max);
        text_append_base64(&text, message->payload);
        json_string(writer, buffer_slice(&text));
        json_key(writer, "encoding");
        json_string_z(writer, "base64");
    }
    json_key(writer, "ts");
    json_int64(writer, message->ts);
    json_end_object(writer);
}
