/* POST /send */
#include "aviary/base/clock.h"

#include <inttypes.h>

#include "handlers.h"
#include "simple.h"
#include "simple_message.h"
#include "text.h"
#include "topics.h"
#include "write.h"

struct sending {
    struct call *call;
    struct json *json;
    struct simple_message message;
    bool has_ts; /* the client said so */
    char own_id[UUID_TEXT_SIZE];
};

/* False: the reply says why. */
static bool take_request(struct sending *sending) {
    struct call *call = sending->call;
    struct uuid uuid;
    struct error error = {0};
    if (uuid_generate(&uuid) != STATUS_OK) {
        call_fail(call, ERROR_INTERNAL, "the system gives no random bytes: nothing was appended");
        return false;
    }
    uuid_format(&uuid, sending->own_id);
    sending->message = (struct simple_message){
        .msg_id = slice_of_string(sending->own_id),
        .sender = slice_of_string("unknown"),
        .recipient = slice_of_string("all"),
    };
    if (!call_read_json(call, false, &sending->json)) {
        return false;
    }
    if (simple_message_take(sending->json, &sending->message, &sending->has_ts, &error) != STATUS_OK) {
        call_fail(call, ERROR_MALFORMED, "%s", error.message);
        return false;
    }
    if (!sending->has_ts) {
        sending->message.ts = clock_wall_ms();
    }
    return true;
}

/* The topic, made where it is not there yet. False: the reply says why. */
static bool get_topic(struct call *call, struct topic *ret_topic) {
    struct error error = {0};
    struct slice name = slice_of_string(SIMPLE_TOPIC);
    enum status status = topic_find(call, name, ret_topic, &error);
    if (status == STATUS_NOT_FOUND) {
        topics_create(call, SIMPLE_TOPIC, slice_of_string("{\"partitions\":1}"));
        unsigned http_status = http_response_status(call->response);
        if (http_status != 201 && http_status != 200 &&
            http_status != 409) { /* 409: somebody made it otherwise */
            return false;
        }
        http_response_reset(call->response);
        status = topic_find(call, name, ret_topic, &error);
    }
    if (status != STATUS_OK) {
        topic_fail(call, status, &error);
    }
    return status == STATUS_OK;
}

static void append_counted(struct buffer *out, struct slice bytes) {
    buffer_append_u32(out, (uint32_t)bytes.size);
    buffer_append_slice(out, bytes);
}

/* A message is known by its msg_id; the same one has the same content. A ts that we chose is no content. */
static enum status make_key(const struct sending *sending, struct write_key *ret_key) {
    const struct simple_message *message = &sending->message;
    _cleanup_buffer_ struct buffer canonical;
    buffer_init(&canonical, 2 * HTTP_BODY_BYTES_MAX);
    buffer_append_u8(&canonical, PAYLOAD_MESSAGE);
    append_counted(&canonical, message->sender);
    append_counted(&canonical, message->recipient);
    append_counted(&canonical, message->payload);
    buffer_append_u64(&canonical, sending->has_ts ? (uint64_t)message->ts : UINT64_MAX);
    if (buffer_status(&canonical) != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    struct hash128 payload = hash128_of(buffer_slice(&canonical));
    /* A msg_id may hold what no header can: its hash stands for it. */
    struct hash128 id = hash128_of(message->msg_id);
    char text[sizeof "msg_id:" + HASH128_TEXT_SIZE] = "msg_id:";
    text_of_hash(&id, text + strlen(text));
    write_key_set(ret_key, slice_of_string(text), &payload);
    return STATUS_OK;
}

static enum status make_batch(const struct sending *sending, struct buffer *batch, struct error *error) {
    _cleanup_buffer_ struct buffer value;
    buffer_init(&value, RECORD_BATCH_BYTES_MAX);
    simple_message_write(&sending->message, &value);
    if (buffer_status(&value) != STATUS_OK) {
        return error_set(error, buffer_status(&value), "the message is too large: at most %d bytes",
                         RECORD_BATCH_BYTES_MAX);
    }
    struct record record = {
        .has_value = true, .value = buffer_slice(&value), .timestamp_ms = sending->message.ts};
    struct record_batch_builder builder;
    record_batch_builder_init(&builder, batch);
    enum status status = record_batch_builder_add(&builder, &record, error);
    return status == STATUS_OK ? record_batch_builder_finish(&builder, error) : status;
}

/* The same in this dialect's words. */
static void fail(const struct sending *sending, const struct write *write) {
    struct call *call = sending->call;
    struct slice id = sending->message.msg_id;
    if (write->error_code == ERROR_KEY_REUSED) {
        call_fail(call, write->error_code, "msg_id \"%.*s\" came before with other content: use a new one",
                  (int)id.size, (const char *)id.data);
    } else if (write->error_code == ERROR_UNKNOWN) {
        call_fail(call, write->error_code,
                  "nobody could say in time whether it was kept: send it again with \"msg_id\":\"%.*s\"",
                  (int)id.size, (const char *)id.data);
    } else {
        call_fail(call, write->error_code, "%s", write->error.message);
    }
}

static void reply(const struct sending *sending, const struct write *write) {
    struct call *call = sending->call;
    call->term = write->term;
    if (write->error_code != 0) {
        fail(sending, write);
        return;
    }
    call->served_by = write->served_by;
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "status");
    json_string_z(&writer, "ok");
    json_key(&writer, "seq");
    json_int64(&writer, write->base_offset + 1);
    json_key(&writer, "msg_id");
    json_string(&writer, sending->message.msg_id);
    json_end_object(&writer);
}

static void send_message(struct sending *sending) {
    struct call *call = sending->call;
    struct write_key key;
    struct topic topic;
    struct error error = {0};
    _cleanup_buffer_ struct buffer batch;
    buffer_init(&batch, RECORD_BATCH_BYTES_MAX);
    enum status status = make_batch(sending, &batch, &error);
    if (status == STATUS_OK) {
        status = make_key(sending, &key);
    }
    if (status != STATUS_OK) {
        call_fail_with(call, status, &error);
        return;
    }
    struct write write = {
        .call = call,
        .topic = &topic,
        .batch = buffer_slice(&batch),
        .count = 1,
        .acks = NODE_ACKS_ALL,
        .expected_offset = -1,
        .key = &key,
    };
    if (get_topic(call, &topic) && topic_get_partition(call, &topic, 0, &write.group)) {
        write_run(&write);
        reply(sending, &write);
    }
}

void handle_simple_send(struct call *call) {
    struct sending sending = {.call = call};
    if (take_request(&sending)) {
        send_message(&sending);
    }
    json_destroy(sending.json);
}
