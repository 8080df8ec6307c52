#include "hop.h"

#include "aviary/base/clock.h"

#include <inttypes.h>
#include <stdio.h>

#include "text.h"

enum { NUMBER_TEXT_SIZE = 24, FAR_MARGIN_MS = 50 };

void hop_header(struct hop *hop, const char *name, struct slice value) {
    ASSERT(hop->header_count < HOP_HEADERS_MAX);
    hop->headers[hop->header_count++] = (struct http_pair){.name = slice_of_string(name), .value = value};
}

static enum status format_target(const struct hop *hop, struct buffer *target) {
    buffer_append_slice(target, hop->path);
    if (hop->query.size > 0) {
        buffer_append_u8(target, '?');
        buffer_append_slice(target, hop->query);
    }
    buffer_append_u8(target, 0);
    return buffer_status(target);
}

/* Who asks, and about whose answer. */
struct wait {
    struct broker *broker;
    const struct broker_route *route;
};

static bool is_over(void *context) {
    const struct wait *wait = context;
    return broker_route_is_over(wait->broker, wait->route);
}

enum status hop_perform(struct api *api, const struct hop *hop, struct http_client_response *ret_answer,
                        struct error *error) {
    http_client_response_init(ret_answer, hop->answer_bytes_max);
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= hop->deadline_ms) {
        return error_set(error, STATUS_TIMEOUT, "no time was left to ask the broker at %s",
                         hop->peer_address);
    }
    uint64_t timeout_ms = hop->deadline_ms - now_ms;
    uint64_t far_timeout_ms = timeout_ms > 2 * FAR_MARGIN_MS ? timeout_ms - FAR_MARGIN_MS : timeout_ms;
    _cleanup_buffer_ struct buffer target;
    buffer_init(&target, HTTP_HEAD_BYTES_MAX);
    if (format_target(hop, &target) != STATUS_OK) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to ask another broker");
    }
    char id_text[NUMBER_TEXT_SIZE];
    char timeout_text[NUMBER_TEXT_SIZE];
    snprintf(id_text, sizeof id_text, "%" PRIu32, api->broker_id);
    snprintf(timeout_text, sizeof timeout_text, "%" PRIu64, far_timeout_ms);
    struct hop told = *hop;
    hop_header(&told, "X-Aviary-Forwarded", slice_of_string(id_text));
    hop_header(&told, "X-Aviary-Timeout-Ms", slice_of_string(timeout_text));
    struct wait wait = {.broker = api->broker, .route = hop->route};
    struct http_client_request request = {
        .method = hop->method,
        .authority = hop->peer_address,
        .target = (const char *)target.data,
        .headers = told.headers,
        .header_count = told.header_count,
        .body = hop->body,
        .timeout_ms = (uint32_t)timeout_ms,
        .resend_allowed = hop->resend_allowed,
        .is_unwanted = hop->route ? is_over : NULL,
        .context = &wait,
    };
    return http_client_perform(api->client, &request, ret_answer, error);
}

uint64_t hop_attempt_end_ms(const struct call *call, const struct broker_route *route, uint64_t wait_ms) {
    uint64_t attempt_ms = wait_ms + (route->hearsay ? FORWARD_HEARSAY_MS : FORWARD_ATTEMPT_MS);
    uint64_t end_ms = clock_monotonic_ms() + attempt_ms;
    return end_ms < call->deadline_ms ? end_ms : call->deadline_ms;
}

uint64_t hop_answer_number(const struct http_client_response *answer, const char *name) {
    struct slice text;
    uint64_t number = 0;
    if (http_client_header(answer, name, &text)) {
        (void)text_to_u64(text, UINT64_MAX, &number);
    }
    return number;
}
