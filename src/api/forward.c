/* The client's request sent on as it is, and the answer given back. */
#include "leader.h"

#include "media.h"
#include "text.h"

static bool is_answer_header(struct slice name) {
    return text_equal_any_case(name, "ETag") || text_equal_any_case(name, "Location") ||
           text_begins_any_case(name, "X-");
}

/* Those that this reply gets by other ways, or that are between brokers. */
static bool is_own_header(struct slice name) {
    return text_equal_any_case(name, "X-Served-By") || text_equal_any_case(name, "X-Raft-Term") ||
           text_begins_any_case(name, "X-Aviary-");
}

static bool copy_headers(struct call *call, const struct http_client_response *answer) {
    struct slice rest = buffer_slice(&answer->headers);
    struct slice line;
    while (text_split(&rest, '\n', &line)) {
        struct slice value = line;
        struct slice name;
        if (!text_split(&value, ':', &name) || !is_answer_header(name) || is_own_header(name)) {
            continue;
        }
        if (value.size > 0 && value.data[value.size - 1] == '\r') {
            value.size--;
        }
        if (http_response_header_checked(call->response, name, text_trim(value)) != STATUS_OK) {
            return false;
        }
    }
    return true;
}

/* A Content-Type as one of our constants: all that a broker of ours answers with. */
static const char *media_constant(struct slice content_type) {
    static const char *const types[] = {MEDIA_JSON, MEDIA_NDJSON, MEDIA_BATCH, MEDIA_TEXT};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (media_is(content_type, types[i])) {
            return types[i];
        }
    }
    return MEDIA_BYTES;
}

void leader_reply_with(struct call *call, const struct http_client_response *answer) {
    struct http_response *response = call->response;
    http_response_reset(response);
    call->served_by = (uint32_t)hop_answer_number(answer, "X-Served-By");
    call->term = hop_answer_number(answer, "X-Raft-Term");
    if (answer->status < 200 || answer->status > 599 || !copy_headers(call, answer)) {
        call_fail(call, ERROR_INTERNAL, "the broker that leads gave an answer that cannot be passed on");
        return;
    }
    http_response_set_status(response, answer->status);
    struct slice content_type;
    if (http_client_header(answer, "Content-Type", &content_type)) {
        http_response_content_type(response, media_constant(content_type));
    }
    buffer_append_slice(http_response_body(response), buffer_slice(&answer->body));
}

enum leader_outcome leader_reply_hop(struct call *call, const struct broker_route *route, enum status status,
                                     const struct http_client_response *answer, bool reads) {
    if (status == STATUS_OK) {
        leader_reply_with(call, answer);
        return answer->status == 503 ? LEADER_RETRY : LEADER_DONE;
    }
    if (status == STATUS_TOO_LARGE || status == STATUS_NO_MEMORY || status == STATUS_INVALID) {
        call_fail(call, ERROR_INTERNAL, "the answer of broker %u, which leads, could not be passed on: %s",
                  route->leader, status_name(status));
        return LEADER_DONE;
    }
    if (reads || status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT) {
        call_fail(call, ERROR_UNAVAILABLE, "broker %u, which leads, cannot be reached: try again",
                  route->leader);
        return LEADER_RETRY;
    }
    call_fail(call, ERROR_UNKNOWN, "broker %u, which leads, did not answer: look whether it was done",
              route->leader);
    return LEADER_DONE;
}

static enum leader_outcome forward(struct call *call, const struct broker_route *route, bool reads) {
    struct hop hop;
    leader_hop_of_call(call, route, &hop);
    hop.resend_allowed = reads;
    if (reads) {
        hop.deadline_ms = hop_attempt_end_ms(call, route, 0);
        hop.route = route;
    }
    _cleanup_hop_answer_ struct http_client_response answer;
    enum status status = hop_perform(call->api, &hop, &answer, NULL);
    return leader_reply_hop(call, route, status, &answer, reads);
}

enum leader_outcome leader_forward_read(struct call *call, const struct broker_route *route, void *context) {
    (void)context;
    return forward(call, route, true);
}

enum leader_outcome leader_forward_write(struct call *call, const struct broker_route *route, void *context) {
    (void)context;
    return forward(call, route, false);
}
