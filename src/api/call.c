#include "call.h"

#include "aviary/base/clock.h"

#include <stdio.h>

#include "media.h"
#include "text.h"

enum { RETRY_AFTER_S = 1 };

void call_fail(struct call *call, unsigned error_code, const char *format, ...) {
    char message[ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    http_response_error(call->response, error_code, "%s", message);
}

void call_fail_with(struct call *call, enum status status, const struct error *error) {
    const char *message = error->message[0] != '\0' ? error->message : status_name(status);
    http_response_error(call->response, error_code_of(status), "%s", message);
}

void call_begin_json(struct call *call, struct json_writer *ret_writer) {
    http_response_content_type(call->response, MEDIA_JSON);
    json_writer_init(ret_writer, http_response_body(call->response),
                     call_flag(call, "pretty") ? JSON_PRETTY : JSON_COMPACT);
}

void call_finish(struct call *call) {
    struct http_response *response = call->response;
    http_response_header_u64(response, "X-Served-By", call->served_by);
    if (call->term > 0) {
        http_response_header_u64(response, "X-Raft-Term", call->term);
    }
    if (call->leader > 0) {
        http_response_header_u64(response, "X-Aviary-Leader", call->leader);
    }
    if (http_response_status(response) == 503) {
        http_response_header_u64(response, "Retry-After", RETRY_AFTER_S);
    }
}

uint64_t call_remaining_ms(const struct call *call) {
    uint64_t now_ms = clock_monotonic_ms();
    return now_ms < call->deadline_ms ? call->deadline_ms - now_ms : 0;
}

bool call_pause(struct call *call, uint32_t pause_ms) {
    if (call_remaining_ms(call) <= pause_ms || http_request_is_stopping(call->request)) {
        return false;
    }
    struct api *api = call->api;
    uint64_t until_ms = clock_monotonic_ms() + pause_ms;
    mutex_lock(&api->pause_mutex);
    while (condition_wait_until(&api->pause, &api->pause_mutex, until_ms)) {
        /* woken without a reason */
    }
    mutex_unlock(&api->pause_mutex);
    return true;
}

struct places *call_take_place(struct call *call, size_t bytes) {
    struct api *api = call->api;
    struct places *places = bytes > READ_LARGE_BYTES ? &api->large_places : &api->places;
    uint64_t patience_ms = clock_monotonic_ms() + api->request_deadline_ms;
    if (places_take(places, patience_ms < call->deadline_ms ? patience_ms : call->deadline_ms)) {
        return places;
    }
    call_fail(call, ERROR_BUSY, "too many requests read records at once: ask for less, or try again later");
    return NULL;
}

void call_give_place(struct call *call, struct places *place) {
    http_response_count(call->response);
    places_give(place);
}

const struct slice *call_peer_header(const struct call *call, const char *name) {
    return call->forwarded ? http_request_header(call->request, name) : NULL;
}

bool call_flag(const struct call *call, const char *name) {
    const struct slice *value = http_request_parameter(call->request, name);
    return value && !text_equal(*value, "false");
}

/* curl -d sends its form type where no other is given: what counts is what the bytes are. */
static bool is_json_type(struct slice content_type) {
    return content_type.size == 0 || media_is(content_type, MEDIA_JSON) || media_is(content_type, MEDIA_FORM);
}

bool call_read_json(struct call *call, bool may_be_empty, struct json **ret_json) {
    const struct http_request *request = call->request;
    if (!is_json_type(request->content_type)) {
        call_fail(call, ERROR_MEDIA_TYPE, "send the body as JSON, with Content-Type: " MEDIA_JSON);
        return false;
    }
    struct slice text = request->body.size == 0 && may_be_empty ? slice_of_string("{}") : request->body;
    _cleanup_json_ struct json *json = NULL;
    struct error error = {0};
    enum status status = json_parse(text, &json, &error);
    if (status == STATUS_NO_MEMORY) {
        call_fail_with(call, status, &error);
        return false;
    }
    if (status != STATUS_OK || json_type(json) != JSON_OBJECT) {
        call_fail(call, ERROR_MALFORMED, "the body must be a JSON object%s%s",
                  status != STATUS_OK ? ": " : "", status != STATUS_OK ? error.message : "");
        return false;
    }
    *ret_json = TAKE_POINTER(json);
    return true;
}
