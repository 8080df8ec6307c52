/* POST /v1/partitions/{topic}/{partition}:transfer-leader */
#include "aviary/base/clock.h"

#include "handlers.h"
#include "leader.h"
#include "topic.h"

struct transfer {
    struct slice topic;
    uint32_t partition;
    uint64_t group;
    uint32_t to; /* broker id; 0: the most up-to-date follower */
};

static void reply(struct call *call, const struct transfer *transfer) {
    struct broker_route route = {0};
    broker_forget_leader(call->api->broker, transfer->group);
    enum status status =
        broker_find_leader(call->api->broker, transfer->group, call->deadline_ms, &route, NULL);
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "topic");
    json_string(&writer, transfer->topic);
    json_key(&writer, "partition");
    json_uint64(&writer, transfer->partition);
    json_key(&writer, "leader");
    if (status == STATUS_OK) {
        json_uint64(&writer, route.leader);
        call->term = route.term;
    } else {
        json_null(&writer);
    }
    json_end_object(&writer);
}

static enum leader_outcome transfer_here(struct call *call, const struct broker_route *route, void *context) {
    const struct transfer *transfer = context;
    struct error error = {0};
    if (transfer->to == route->leader) {
        reply(call, transfer);
        return LEADER_DONE;
    }
    enum status status =
        broker_transfer_leader(call->api->broker, transfer->group, transfer->to, call->deadline_ms, &error);
    if (status != STATUS_OK) {
        call_fail_with(call, status == STATUS_NOT_FOUND ? STATUS_INVALID : status, &error);
        return status == STATUS_NOT_LEADER ? LEADER_RETRY : LEADER_DONE;
    }
    reply(call, transfer);
    return LEADER_DONE;
}

void handle_transfer_leader(struct call *call) {
    static const struct leader_task task = {.here = transfer_here, .there = leader_forward_write};
    static const char *const fields[] = {"to", NULL};
    _cleanup_json_ struct json *json = NULL;
    struct transfer transfer = {0};
    struct topic topic;
    struct error error = {0};
    int64_t to = 0;
    if (!call_read_json(call, true, &json)) {
        return;
    }
    enum status status = json_only_fields(json, fields, &error);
    if (status == STATUS_OK) {
        status = json_get_int64(json, "to", JSON_OPTIONAL, 1, UINT32_MAX, &to, &error);
    }
    if (status != STATUS_OK) {
        call_fail(call, ERROR_MALFORMED, "%s; \"to\" is the id of the broker that shall lead", error.message);
        return;
    }
    transfer.to = (uint32_t)to;
    if (topic_get_path(call, &topic, &transfer.partition, &transfer.group)) {
        transfer.topic = topic.name;
        leader_answer(call, transfer.group, &task, &transfer);
    }
}
