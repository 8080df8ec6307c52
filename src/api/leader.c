#include "leader.h"

#include "text.h"

enum { RETRY_PAUSE_MS = 10 };

void leader_redirect(struct call *call, const struct broker_route *route) {
    const struct http_request *request = call->request;
    _cleanup_buffer_ struct buffer location;
    buffer_init(&location, HTTP_HEAD_BYTES_MAX);
    buffer_append_format(&location, "http://%s", route->rest_address);
    buffer_append_slice(&location, request->raw_path);
    buffer_append_u8(&location, '?');
    buffer_append_slice(&location, request->raw_query);
    http_response_reset(call->response);
    http_response_set_status(call->response, 307);
    if (buffer_status(&location) != STATUS_OK ||
        http_response_header_checked(call->response, slice_of_string("Location"), buffer_slice(&location)) !=
            STATUS_OK) {
        call_fail(call, ERROR_INTERNAL, "the leader's address could not be told; ask without ?redirect");
    }
}

void leader_refuse_forwarded(struct call *call, const struct broker_route *route) {
    call_fail(call, ERROR_NOT_LEADER, "broker %u does not lead here any more", call->api->broker_id);
    call->leader = route->leader;
}

static enum leader_outcome try_once(struct call *call, const struct broker_route *route,
                                    const struct leader_task *task, void *context) {
    call->term = route->term;
    if (route->here) {
        call->served_by = call->api->broker_id;
        return task->here(call, route, context);
    }
    if (call->forwarded) {
        leader_refuse_forwarded(call, route);
        return LEADER_DONE;
    }
    if (call_flag(call, "redirect")) {
        leader_redirect(call, route);
        return LEADER_DONE;
    }
    return task->there(call, route, context);
}

void leader_answer(struct call *call, uint64_t group, const struct leader_task *task, void *context) {
    struct broker *broker = call->api->broker;
    for (;;) {
        struct broker_route route;
        struct error error = {0};
        enum status status = broker_find_leader(broker, group, call->deadline_ms, &route, &error);
        if (status != STATUS_OK) {
            call_fail_with(call, status, &error);
            return;
        }
        enum leader_outcome outcome = try_once(call, &route, task, context);
        if (outcome == LEADER_DONE) {
            return;
        }
        if (outcome == LEADER_RETRY) {
            broker_forget_leader(broker, group);
            if (!call_pause(call, RETRY_PAUSE_MS)) {
                return;
            }
        }
        http_response_reset(call->response);
    }
}

/* What of the client's head means something to the far side. */
static bool is_forwarded_header(struct slice name) {
    static const char *const names[] = {"Content-Type", "Accept", "If-Match", "If-None-Match"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (text_equal_any_case(name, names[i])) {
            return true;
        }
    }
    return false;
}

void leader_hop_of_call(const struct call *call, const struct broker_route *route, struct hop *ret_hop) {
    const struct http_request *request = call->request;
    *ret_hop = (struct hop){
        .method = request->method,
        .peer_address = route->peer_address,
        .path = request->raw_path,
        .query = request->raw_query,
        .body = request->body,
        .deadline_ms = call->deadline_ms,
        .answer_bytes_max = HTTP_RESPONSE_BYTES_MAX - HTTP_RESPONSE_HEAD_BYTES_MAX,
    };
    for (size_t i = 0; i < request->header_count && ret_hop->header_count < HOP_HEADERS_MAX / 2; i++) {
        if (is_forwarded_header(request->headers[i].name)) {
            ret_hop->headers[ret_hop->header_count++] = request->headers[i];
        }
    }
}
