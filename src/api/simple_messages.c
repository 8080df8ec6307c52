/* GET /messages and POST /sync */
#include "aviary/base/clock.h"

#include <inttypes.h>

#include "handlers.h"
#include "simple.h"
#include "text.h"

static void reply_empty(struct call *call, const struct simple_query *query) {
    struct json_writer writer;
    call_begin_json(call, &writer);
    json_begin_object(&writer);
    json_key(&writer, "messages");
    json_begin_array(&writer);
    json_end_array(&writer);
    json_key(&writer, "next_after");
    json_int64(&writer, query->has_after ? query->after : 0);
    json_end_object(&writer);
}

/* At the leader; false where nobody leads or it does not answer. */
static bool answer_at_leader(struct call *call, uint64_t group, const struct simple_query *query) {
    uint64_t deadline_ms = clock_monotonic_ms() + SIMPLE_LEADER_WAIT_MS;
    struct broker_route route;
    if (broker_find_leader(call->api->broker, group, deadline_ms, &route, NULL) != STATUS_OK) {
        return false;
    }
    if (route.here) {
        simple_write_messages(call, group, query);
        return true;
    }
    if (call->forwarded) {
        call->term = route.term;
        leader_refuse_forwarded(call, &route);
        return true;
    }
    struct hop hop;
    leader_hop_of_call(call, &route, &hop);
    hop.resend_allowed = true;
    hop.deadline_ms = deadline_ms + FORWARD_ATTEMPT_MS;
    hop.route = &route;
    _cleanup_hop_answer_ struct http_client_response answer;
    enum status status = hop_perform(call->api, &hop, &answer, NULL);
    if (status != STATUS_OK || answer.status >= 500) {
        broker_forget_leader(call->api->broker, group);
        return false;
    }
    leader_reply_with(call, &answer);
    return true;
}

void simple_answer(struct call *call, const struct simple_query *query) {
    struct topic topic;
    uint64_t group;
    struct error error = {0};
    enum status status = topic_find(call, slice_of_string(SIMPLE_TOPIC), &topic, &error);
    if (status == STATUS_NOT_FOUND) {
        reply_empty(call, query); /* made by the first message */
    } else if (status != STATUS_OK) {
        topic_fail(call, status, &error);
    } else if (topic_get_partition(call, &topic, 0, &group) && !answer_at_leader(call, group, query)) {
        simple_write_messages(call, group, query);
        http_response_header(call->response, "X-Read-Level", "none");
    }
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

void handle_simple_messages(struct call *call) {
    uint64_t limit = SIMPLE_MESSAGES_DEFAULT;
    uint64_t after = 0;
    if (!read_number(call, "limit", 1, SIMPLE_MESSAGES_MAX, &limit) ||
        !read_number(call, "after", 0, INT64_MAX, &after)) {
        return;
    }
    struct simple_query query = {
        .has_after = http_request_parameter(call->request, "after") != NULL,
        .after = (int64_t)after,
        .limit = (uint32_t)limit,
        .sender = http_request_parameter(call->request, "sender"),
        .recipient = http_request_parameter(call->request, "recipient"),
    };
    simple_answer(call, &query);
}

void handle_simple_sync(struct call *call) {
    static const char *const fields[] = {"since", NULL};
    _cleanup_json_ struct json *json = NULL;
    struct simple_query query = {.has_after = true, .limit = SIMPLE_SYNC_MAX};
    struct error error = {0};
    if (!call_read_json(call, true, &json)) {
        return;
    }
    enum status status = json_only_fields(json, fields, &error);
    if (status == STATUS_OK) {
        status = json_get_int64(json, "since", JSON_OPTIONAL, 0, INT64_MAX, &query.after, &error);
    }
    if (status != STATUS_OK) {
        call_fail(call, ERROR_MALFORMED, "%s; \"since\" is a seq: the messages behind it are given",
                  error.message);
        return;
    }
    simple_answer(call, &query);
}
