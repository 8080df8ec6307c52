/* PATCH and DELETE /v1/topics/{topic} */
#include "handlers.h"
#include "text.h"
#include "topics.h"

struct change {
    char name[NAME_SIZE_MAX + 1];
    uint64_t expected_version; /* 0: any */
    const struct metadata_config *configs;
    uint32_t config_count;
};

enum leader_outcome topics_forward(struct call *call, const struct broker_route *route,
                                   const struct hop *hop) {
    _cleanup_hop_answer_ struct http_client_response answer;
    enum status status = hop_perform(call->api, hop, &answer, NULL);
    enum leader_outcome outcome = leader_reply_hop(call, route, status, &answer, false);
    if (status == STATUS_OK && answer.status < 300) {
        topic_await_metadata(call, hop_answer_number(&answer, "X-Metadata-Index"));
    }
    return outcome;
}

static enum leader_outcome change_there(struct call *call, const struct broker_route *route, void *context) {
    (void)context;
    struct hop hop;
    leader_hop_of_call(call, route, &hop);
    return topics_forward(call, route, &hop);
}

/* If-Match: the topic's ETag, or * for any. */
static bool read_expected_version(struct call *call, uint64_t *ret_version) {
    const struct slice *value = http_request_header(call->request, "If-Match");
    if (value == NULL || text_equal(*value, "*")) {
        return true;
    }
    struct slice inner = slice_after(*value, 1);
    if (value->size < 3 || value->data[0] != '"' || inner.data[inner.size - 1] != '"' ||
        !text_to_u64(slice_make(inner.data, inner.size - 1), UINT64_MAX, ret_version) || *ret_version == 0) {
        call_fail(call, ERROR_VERSION, "If-Match must be the topic's ETag, as GET told it");
        return false;
    }
    return true;
}

static enum leader_outcome fail_change(struct call *call, const struct change *change, enum status status,
                                       const struct error *error) {
    if (status == STATUS_NOT_FOUND) {
        call_fail(call, ERROR_TOPIC, "there is no topic \"%s\"", change->name);
    } else if (status == STATUS_CONFLICT) {
        call_fail(call, ERROR_VERSION, "topic \"%s\" has another version by now: GET it again", change->name);
    } else {
        call_fail_with(call, status, error);
    }
    return status == STATUS_NOT_LEADER ? LEADER_RETRY : LEADER_DONE;
}

static enum leader_outcome delete_here(struct call *call, const struct broker_route *route, void *context) {
    (void)route;
    const struct change *change = context;
    struct error error = {0};
    enum status status = broker_delete_topic(call->api->broker, change->name, change->expected_version,
                                             call->deadline_ms, &error);
    if (status != STATUS_OK) {
        return fail_change(call, change, status, &error);
    }
    http_response_set_status(call->response, 204);
    topics_tell_index(call);
    return LEADER_DONE;
}

void handle_delete_topic(struct call *call) {
    static const struct leader_task task = {.here = delete_here, .there = change_there};
    struct change change = {0};
    if (topics_get_name(call, change.name) && read_expected_version(call, &change.expected_version)) {
        leader_answer(call, METADATA_GROUP, &task, &change);
    }
}

static enum leader_outcome configure_here(struct call *call, const struct broker_route *route,
                                          void *context) {
    (void)route;
    const struct change *change = context;
    struct error error = {0};
    enum status status =
        broker_configure_topic(call->api->broker, change->name, change->expected_version, change->configs,
                               change->config_count, call->deadline_ms, &error);
    if (status != STATUS_OK) {
        return fail_change(call, change, status, &error);
    }
    topics_reply(call, change->name, 200);
    return LEADER_DONE;
}

void handle_patch_topic(struct call *call) {
    static const struct leader_task task = {.here = configure_here, .there = change_there};
    static const char *const fields[] = {"configs", NULL};
    struct change change = {0};
    _cleanup_json_ struct json *json = NULL;
    _cleanup_free_ struct metadata_config *configs = NULL;
    struct error error = {0};
    if (!topics_get_name(call, change.name) || !read_expected_version(call, &change.expected_version) ||
        !call_read_json(call, false, &json)) {
        return;
    }
    if (json_only_fields(json, fields, &error) != STATUS_OK) {
        call_fail(call, ERROR_MALFORMED, "%s; only configs can be changed", error.message);
        return;
    }
    if (!topics_read_configs(call, json, true, &configs, &change.config_count)) {
        return;
    }
    if (change.config_count == 0) {
        call_fail(call, ERROR_MALFORMED, "field \"configs\" must name at least one config to change");
        return;
    }
    change.configs = configs;
    leader_answer(call, METADATA_GROUP, &task, &change);
}
