#include "topic.h"

#include <inttypes.h>

#include "hop.h"
#include "text.h"

enum { LAG_PAUSE_MS = 5 };

static enum status find_here(struct broker *broker, struct slice name, struct topic *ret_topic,
                             struct error *error) {
    const struct metadata *metadata;
    enum status status = broker_lock_metadata(broker, &metadata, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct metadata_topic *found = metadata_topic_find(metadata, name);
    if (found) {
        *ret_topic = (struct topic){.name = name, .partition_count = found->partition_count};
    }
    broker_unlock_metadata(broker);
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

/* OK: the controller knows the topic, so that it will come here; NOT_FOUND: it does not. */
static enum status ask_controller(struct call *call, const struct broker_route *route, struct slice name,
                                  struct error *error) {
    _cleanup_buffer_ struct buffer path;
    buffer_init(&path, HTTP_HEAD_BYTES_MAX);
    buffer_append_string(&path, "/v1/topics/");
    text_append_escaped(&path, name);
    struct hop hop = {
        .method = HTTP_METHOD_GET,
        .peer_address = route->peer_address,
        .path = buffer_slice(&path),
        .deadline_ms = call->deadline_ms,
        .resend_allowed = true,
        .answer_bytes_max = HTTP_BODY_BYTES_MAX,
    };
    if (buffer_status(&path) != STATUS_OK) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to ask the controller");
    }
    _cleanup_hop_answer_ struct http_client_response answer;
    if (hop_perform(call->api, &hop, &answer, error) != STATUS_OK ||
        (answer.status != 200 && answer.status != 404)) {
        return error_set(error, STATUS_UNAVAILABLE, "broker %u, the controller, cannot be asked: try again",
                         route->leader);
    }
    return answer.status == 200 ? STATUS_OK : STATUS_NOT_FOUND;
}

/* Whether a topic that is not known here exists. */
static enum status ask_cluster(struct call *call, struct slice name, struct error *error) {
    struct broker *broker = call->api->broker;
    struct broker_route route;
    enum status status = broker_find_leader(broker, METADATA_GROUP, call->deadline_ms, &route, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (route.here) {
        struct topic topic;
        status = broker_read_barrier(broker, METADATA_GROUP, call->deadline_ms);
        return status == STATUS_OK
                   ? find_here(broker, name, &topic, error)
                   : error_set(error, STATUS_UNAVAILABLE, "the controller lost its leadership: try again");
    }
    if (call->forwarded) {
        return error_set(error, STATUS_UNAVAILABLE,
                         "broker %u does not know the topic and is not the controller", call->api->broker_id);
    }
    return ask_controller(call, &route, name, error);
}

enum status topic_find(struct call *call, struct slice name, struct topic *ret_topic, struct error *error) {
    struct broker *broker = call->api->broker;
    enum status status = find_here(broker, name, ret_topic, error);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    status = metadata_check_name(name, error);
    while (status == STATUS_OK || status == STATUS_UNAVAILABLE) {
        status = ask_cluster(call, name, error);
        if (status == STATUS_NOT_FOUND) {
            return error_set(error, STATUS_NOT_FOUND,
                             "there is no topic \"%.*s\": make it with PUT /v1/topics/%.*s", (int)name.size,
                             (const char *)name.data, (int)name.size, (const char *)name.data);
        }
        if (call->forwarded || !call_pause(call, LAG_PAUSE_MS)) {
            return status == STATUS_OK
                       ? error_set(error, STATUS_UNAVAILABLE, "the topic is not known here yet: try again")
                       : status;
        }
        if (status == STATUS_UNAVAILABLE) {
            broker_forget_leader(broker, METADATA_GROUP);
        }
        if (find_here(broker, name, ret_topic, error) == STATUS_OK) {
            return STATUS_OK;
        }
    }
    return status;
}

void topic_fail(struct call *call, enum status status, const struct error *error) {
    if (status == STATUS_INVALID) {
        call_fail(call, ERROR_NAME, "%s", error->message);
    } else {
        call_fail_with(call, status, error);
    }
}

bool topic_get(struct call *call, struct slice name, struct topic *ret_topic) {
    struct error error = {0};
    enum status status = topic_find(call, name, ret_topic, &error);
    if (status != STATUS_OK) {
        topic_fail(call, status, &error);
    }
    return status == STATUS_OK;
}

bool topic_get_partition(struct call *call, const struct topic *topic, uint32_t partition,
                         uint64_t *ret_group) {
    if (partition >= topic->partition_count) {
        call_fail(call, ERROR_PARTITION,
                  "topic \"%.*s\" has no partition %" PRIu32 ": its partitions are 0 to %" PRIu32,
                  (int)topic->name.size, (const char *)topic->name.data, partition,
                  topic->partition_count - 1);
        return false;
    }
    struct error error = {0};
    enum status status = broker_find_partition(call->api->broker, topic->name, partition, ret_group, &error);
    if (status != STATUS_OK) {
        call_fail_with(call, status, &error);
    }
    return status == STATUS_OK;
}

bool topic_get_path(struct call *call, struct topic *ret_topic, uint32_t *ret_partition,
                    uint64_t *ret_group) {
    uint64_t partition;
    if (!text_to_u64(call->parameters[1], UINT32_MAX, &partition)) {
        call_fail(call, ERROR_MALFORMED, "the partition must be a whole number, from 0 to %d",
                  PARTITIONS_PER_TOPIC_MAX - 1);
        return false;
    }
    if (!topic_get(call, call->parameters[0], ret_topic) ||
        !topic_get_partition(call, ret_topic, (uint32_t)partition, ret_group)) {
        return false;
    }
    *ret_partition = (uint32_t)partition;
    return true;
}

static bool has_applied(struct broker *broker, uint64_t index) {
    const struct metadata *metadata;
    if (broker_lock_metadata(broker, &metadata, NULL) != STATUS_OK) {
        return false;
    }
    bool applied = metadata_applied_index(metadata) >= index;
    broker_unlock_metadata(broker);
    return applied;
}

void topic_await_metadata(struct call *call, uint64_t index) {
    while (!has_applied(call->api->broker, index) && call_pause(call, LAG_PAUSE_MS)) {
        /* the controller's entries are on their way */
    }
}
