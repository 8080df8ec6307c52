/*
 * Calls between brokers: POST /raft/v1/call/<name> at the peer port, bodies as src/broker/calls.h has them.
 */
#include "server.h"

#include "aviary/json.h"

#include <stdio.h>

enum { CALL_ANSWER_MAX = 64 * 1024 };

/* How a status travels as an error code, and comes back as a status. */
static const struct {
    enum status status;
    unsigned code;
} call_codes[] = {
    {STATUS_INVALID, 40001},     {STATUS_UNSUPPORTED, 40401}, {STATUS_CONFLICT, 40901},
    {STATUS_UNAVAILABLE, 50301}, {STATUS_UNKNOWN, 50401},
};

static unsigned call_error_code(enum status status) {
    if (status == STATUS_TIMEOUT) {
        status = STATUS_UNKNOWN;
    } else if (status_is_retriable(status) && status != STATUS_UNKNOWN) {
        status = STATUS_UNAVAILABLE;
    }
    for (size_t i = 0; i < sizeof call_codes / sizeof call_codes[0]; i++) {
        if (call_codes[i].status == status) {
            return call_codes[i].code;
        }
    }
    return 50001;
}

/* The message of a refusal, {"error_code":N,"message":"..."}; the body as it is where it reads differently.
 */
static enum status call_refused(unsigned http_status, struct slice body, struct error *error) {
    enum status status = STATUS_UNAVAILABLE;
    for (size_t i = 0; i < sizeof call_codes / sizeof call_codes[0]; i++) {
        if (call_codes[i].code / 100 == http_status) {
            status = call_codes[i].status;
        }
    }
    _cleanup_json_ struct json *json = NULL;
    struct slice message;
    if (json_parse(body, &json, NULL) != STATUS_OK ||
        json_get_string(json, "message", JSON_REQUIRED, ERROR_MESSAGE_MAX, &message, NULL) != STATUS_OK) {
        message = body;
    }
    return error_set(error, status, "%.*s", (int)message.size, (const char *)message.data);
}

static enum status peer_call(void *context, const char *peer_address, const char *name, struct slice request,
                             uint64_t deadline_ms, struct buffer *answer, struct error *error) {
    struct server *server = context;
    char target[64];
    snprintf(target, sizeof target, "/raft/v1/call/%s", name);
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= deadline_ms) {
        return error_set(error, STATUS_TIMEOUT, "no time left to call %s", peer_address);
    }
    struct http_client_request http_request = {
        .method = HTTP_METHOD_POST,
        .authority = peer_address,
        .target = target,
        .body = request,
        .timeout_ms = (uint32_t)(deadline_ms - now_ms),
        .resend_allowed = true, /* every call may arrive twice */
    };
    struct http_client_response response;
    http_client_response_init(&response, CALL_ANSWER_MAX);
    enum status status = http_client_perform(server->client, &http_request, &response, error);
    if (status == STATUS_OK && response.status != 200) {
        status = call_refused(response.status, buffer_slice(&response.body), error);
    } else if (status == STATUS_OK) {
        buffer_append_slice(answer, buffer_slice(&response.body));
        status = buffer_status(answer);
    }
    http_client_response_finish(&response);
    return status;
}

struct broker_caller peer_caller(struct server *server) {
    return (struct broker_caller){.context = server, .call = peer_call};
}

static bool segment_is(const struct http_request *request, size_t position, const char *text) {
    return slice_equal(request->segments[position], slice_of_string(text));
}

bool peer_call_handle(struct server *server, const struct http_request *request,
                      struct http_response *response) {
    if (request->method != HTTP_METHOD_POST || request->segment_count != 4 ||
        !segment_is(request, 0, "raft") || !segment_is(request, 1, "v1") || !segment_is(request, 2, "call")) {
        return false;
    }
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)request->segments[3].size,
             (const char *)request->segments[3].data);
    _cleanup_buffer_ struct buffer answer;
    buffer_init(&answer, CALL_ANSWER_MAX);
    struct error error = {.message = "no memory for the answer"};
    enum status status = broker_answer_call(server->broker, name, request->body, &answer, &error);
    if (status != STATUS_OK) {
        http_response_error(response, call_error_code(status), "%s", error.message);
        return true;
    }
    http_response_content_type(response, "application/octet-stream");
    buffer_append_slice(http_response_body(response), buffer_slice(&answer));
    return true;
}
