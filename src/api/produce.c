/* POST /v1/topics/{topic}/messages */
#include "produce.h"

#include <inttypes.h>
#include <stdio.h>

#include "handlers.h"
#include "leader.h"
#include "media.h"
#include "text.h"

bool produce_read_key(struct produce *produce, enum payload_class payload_class) {
    struct call *call = produce->call;
    if (!produce->parameters.has_idempotency_key) {
        return true;
    }
    struct hash128 payload;
    const struct slice *given = call_peer_header(call, "X-Aviary-Payload");
    if (given && !text_to_hash(*given, &payload)) {
        call_fail(call, ERROR_MALFORMED, "X-Aviary-Payload must be 32 hexadecimal digits");
        return false;
    }
    if (!given &&
        parameters_hash(call->request, &produce->parameters, payload_class, &payload) != STATUS_OK) {
        call_fail(call, ERROR_INTERNAL, "no memory for the request: nothing was appended");
        return false;
    }
    write_key_set(&produce->key, produce->parameters.idempotency_key, &payload);
    return true;
}

/*
 * A broker that sends a write on means a group, not a name: the topic may have been deleted since, and made
 * again under that name. It looks for that group's leader again.
 */
static bool is_meant(struct call *call, uint64_t group) {
    const struct slice *text = call_peer_header(call, "X-Aviary-Group");
    uint64_t meant;
    if (text == NULL || (text_to_u64(*text, UINT64_MAX, &meant) && meant == group)) {
        return true;
    }
    call_fail(call, ERROR_NOT_LEADER, "broker %u knows another topic by that name: nothing was appended",
              call->api->broker_id);
    return false;
}

bool produce_pick_partition(struct produce *produce, uint32_t *ret_partition, uint64_t *ret_group) {
    const struct parameters *parameters = &produce->parameters;
    uint32_t partition = parameters->has_partition
                             ? parameters->partition
                             : partition_choose(&produce->choice, parameters->has_key, parameters->key, 0);
    if (!topic_get_partition(produce->call, &produce->topic, partition, ret_group) ||
        !is_meant(produce->call, *ret_group)) {
        return false;
    }
    *ret_partition = partition;
    return true;
}

bool produce_redirected(struct produce *produce, uint64_t group) {
    struct call *call = produce->call;
    if (call->forwarded || !call_flag(call, "redirect")) {
        return false;
    }
    struct broker_route route;
    if (broker_find_leader(call->api->broker, group, call->deadline_ms, &route, NULL) != STATUS_OK ||
        route.here) {
        return false; /* the write itself says what is wrong */
    }
    leader_redirect(call, &route);
    return true;
}

void produce_init_write(struct produce *produce, uint32_t partition, uint64_t group, struct slice batch,
                        uint32_t count, struct write *ret_write) {
    *ret_write = (struct write){
        .call = produce->call,
        .topic = &produce->topic,
        .partition = partition,
        .group = group,
        .batch = batch,
        .count = count,
        .acks = produce->parameters.acks,
        .expected_offset = produce->parameters.expected_offset,
        .key = &produce->key,
    };
}

static void reply_stored(struct call *call, const struct write *write, bool with_count) {
    struct http_response *response = call->response;
    bool provisional = write->acks == NODE_ACKS_NONE;
    http_response_set_status(response, provisional ? 202 : 201);
    if (!provisional) {
        char location[NAME_SIZE_MAX + 96];
        snprintf(location, sizeof location, "/v1/topics/%.*s/partitions/%" PRIu32 "/messages/%" PRId64,
                 (int)write->topic->name.size, (const char *)write->topic->name.data, write->partition,
                 write->base_offset);
        http_response_header(response, "Location", location);
    }
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "topic");
    json_string(&writer, write->topic->name);
    json_key(&writer, "partition");
    json_uint64(&writer, write->partition);
    json_key(&writer, "offset");
    json_int64(&writer, write->base_offset);
    if (with_count) {
        json_key(&writer, "count");
        json_uint64(&writer, write->count);
    }
    json_key(&writer, "timestamp");
    json_int64(&writer, write->timestamp_ms);
    json_key(&writer, "duplicate");
    json_bool(&writer, write->duplicate);
    json_end_object(&writer);
}

void produce_one(struct produce *produce, struct slice batch, uint32_t count, bool with_count) {
    struct call *call = produce->call;
    uint32_t partition;
    uint64_t group;
    if (!produce_pick_partition(produce, &partition, &group) || produce_redirected(produce, group)) {
        return;
    }
    struct write write;
    produce_init_write(produce, partition, group, batch, count, &write);
    write_run(&write);
    call->term = write.term;
    call->leader = write.leader;
    if (write.error_code != 0) {
        call_fail(call, write.error_code, "%s", write.error.message);
        return;
    }
    call->served_by = write.served_by;
    reply_stored(call, &write, with_count);
}

/* By its Content-Type; anything that is no form of ours is a raw value. */
static void dispatch(struct produce *produce) {
    struct call *call = produce->call;
    struct slice type = call->request->content_type;
    const struct slice *format = http_request_parameter(call->request, "format");
    bool lines = media_is(type, MEDIA_NDJSON);
    if (format && (!lines || (!text_equal(*format, "raw") && !text_equal(*format, "json")))) {
        call_fail(call, ERROR_MALFORMED, "?format is raw or json, and goes with Content-Type: " MEDIA_NDJSON);
    } else if (lines) {
        produce_lines(produce, format && text_equal(*format, "raw"));
    } else if (media_is(type, MEDIA_BATCH)) {
        produce_batch(produce);
    } else {
        produce_raw(produce);
    }
}

void handle_produce(struct call *call) {
    struct produce produce = {.call = call};
    struct error error = {0};
    enum status status = parameters_read(call->request, &produce.parameters, &error);
    if (status != STATUS_OK) {
        call_fail_with(call, status, &error);
        return;
    }
    if (!topic_get(call, call->parameters[0], &produce.topic)) {
        return;
    }
    produce.choice = (struct partition_choice){
        .partition_count = produce.topic.partition_count,
        .sticky = atomic_fetch_add_explicit(&call->api->next_partition, 1, memory_order_relaxed),
        .parameters = &produce.parameters,
    };
    dispatch(&produce);
}
