#include "response.h"

#include "aviary/base/assert.h"
#include "aviary/base/limits.h"
#include "field.h"
#include "refusal.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    RESPONSE_GAP = 1024, /* enough for nearly every head, so that bodies need not move */
};

void response_init(struct http_response *response, struct budget *budget) {
    *response = (struct http_response){.budget = budget};
    buffer_init(&response->headers, HTTP_RESPONSE_HEAD_BYTES_MAX);
    buffer_init(&response->body, RESPONSE_GAP + HTTP_RESPONSE_HEAD_BYTES_MAX + HTTP_RESPONSE_BYTES_MAX);
    http_response_reset(response);
}

void response_finish(struct http_response *response) {
    buffer_finish(&response->headers);
    buffer_finish(&response->body);
}

/* What the body holds beyond what is counted already. */
static size_t uncounted(const struct http_response *response) {
    size_t size = response->body.capacity;
    return size > RESPONSE_FREE_OF_BUDGET && size > response->counted ? size - response->counted : 0;
}

void http_response_count(struct http_response *response) {
    size_t more = uncounted(response);
    if (more == 0) {
        return;
    }
    if (budget_take(response->budget, more)) {
        response->counted += more;
        return;
    }
    response_trim(response);
    http_response_error(response, REFUSAL_BUSY,
                        "too many large answers are on their way to slow clients: ask for less, or try again "
                        "later");
    http_response_header(response, "Retry-After", "1");
}

void response_count_always(struct http_response *response) {
    size_t more = uncounted(response);
    budget_overdraw(response->budget, more);
    response->counted += more;
}

void response_trim(struct http_response *response) {
    if (response->body.capacity > RESPONSE_FREE_OF_BUDGET) {
        buffer_finish(&response->body);
    }
    budget_give(response->budget, response->counted);
    response->counted = 0;
}

void http_response_reset(struct http_response *response) {
    response->status = 200;
    response->content_type = NULL;
    response->closes = false;
    response->repeatable = false;
    buffer_clear(&response->headers);
    buffer_clear(&response->body);
    (void)buffer_extend(&response->body, RESPONSE_GAP); /* a failure shows when the response is sealed */
}

void http_response_set_status(struct http_response *response, unsigned status) {
    ASSERT(status >= 200 && status <= 599);
    response->status = status;
}

unsigned http_response_status(const struct http_response *response) {
    return response->status;
}

void http_response_content_type(struct http_response *response, const char *type) {
    response->content_type = type;
}

struct buffer *http_response_body(struct http_response *response) {
    return &response->body;
}

size_t http_response_body_size(const struct http_response *response) {
    return response->body.size < RESPONSE_GAP ? 0 : response->body.size - RESPONSE_GAP;
}

void http_response_set_repeatable(struct http_response *response) {
    response->repeatable = true;
}

void http_response_close_connection(struct http_response *response) {
    response->closes = true;
}

enum status http_response_header_checked(struct http_response *response, struct slice name,
                                         struct slice value) {
    if (!field_is_name(name) || !field_is_value(value)) {
        return STATUS_INVALID;
    }
    size_t before = response->headers.size;
    buffer_append_slice(&response->headers, name);
    buffer_append(&response->headers, ": ", 2);
    buffer_append_slice(&response->headers, value);
    buffer_append(&response->headers, "\r\n", 2);
    enum status status = buffer_status(&response->headers);
    if (status != STATUS_OK) {
        response->headers.size = before;
        response->headers.status = STATUS_OK;
    }
    return status;
}

void http_response_header(struct http_response *response, const char *name, const char *value) {
    enum status status =
        http_response_header_checked(response, slice_of_string(name), slice_of_string(value));
    ASSERT(status != STATUS_INVALID);
    response->headers.status = status;
}

void http_response_header_u64(struct http_response *response, const char *name, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    http_response_header(response, name, text);
}

/* IMF-fixdate (RFC 9110, 5.6.7), written anew once a second. */
static const char *date_now(struct http_response *response) {
    time_t now = time(NULL);
    if (now != response->date_at || response->date[0] == '\0') {
        struct tm utc;
        gmtime_r(&now, &utc);
        strftime(response->date, sizeof response->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
        response->date_at = now;
    }
    return response->date;
}

/* 204 and 304 have neither body nor length (RFC 9110, 8.6). */
static bool has_body(const struct http_response *response) {
    return response->status != 204 && response->status != 304;
}

/* Everything before the handler's own header lines. `size` is ample: all parts are bounded and short. */
static size_t format_head(struct http_response *response, bool keeps_alive_1_0, char *head, size_t size) {
    int written = snprintf(head, size, "HTTP/1.1 %u %s\r\nDate: %s\r\n%s%s%s", response->status,
                           http_status_phrase(response->status), date_now(response),
                           response->closes ? "Connection: close\r\n" : "",
                           keeps_alive_1_0 && !response->closes ? "Connection: keep-alive\r\n" : "",
                           response->content_type ? "Content-Type: " : "");
    if (response->content_type) {
        written += snprintf(head + written, size - (size_t)written, "%s\r\n", response->content_type);
    }
    if (has_body(response)) {
        written += snprintf(head + written, size - (size_t)written, "Content-Length: %zu\r\n",
                            http_response_body_size(response));
    }
    ASSERT(written > 0 && (size_t)written < size);
    return (size_t)written;
}

/* Makes room for a head that is larger than the gap by moving the body up. */
static bool widen_gap(struct buffer *body, size_t head_size) {
    size_t more = head_size - RESPONSE_GAP;
    size_t body_size = body->size - RESPONSE_GAP;
    if (!buffer_extend(body, more)) {
        return false;
    }
    memmove(body->data + head_size, body->data + RESPONSE_GAP, body_size);
    return true;
}

static bool join(struct http_response *response, bool head_only, bool keeps_alive_1_0,
                 struct slice *ret_bytes) {
    char head[512];
    struct buffer *body = &response->body;
    size_t body_size = http_response_body_size(response);
    size_t head_size = format_head(response, keeps_alive_1_0, head, sizeof head);
    size_t all_size = head_size + response->headers.size + 2;
    size_t gap = all_size > RESPONSE_GAP ? all_size : RESPONSE_GAP;
    if (response->headers.status != STATUS_OK || body->status != STATUS_OK ||
        (gap > RESPONSE_GAP && !widen_gap(body, gap))) {
        return false;
    }
    uint8_t *start = body->data + gap - all_size;
    memcpy(start, head, head_size);
    if (response->headers.size > 0) {
        memcpy(start + head_size, response->headers.data, response->headers.size);
    }
    memcpy(body->data + gap - 2, "\r\n", 2);
    bool sends_body = has_body(response) && !head_only;
    *ret_bytes = slice_make(start, all_size + (sends_body ? body_size : 0));
    return true;
}

struct slice response_seal(struct http_response *response, bool head_only, bool keeps_alive_1_0) {
    static const char last_resort[] =
        "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    struct slice bytes;
    if (join(response, head_only, keeps_alive_1_0, &bytes)) {
        return bytes;
    }
    buffer_finish(&response->body);
    http_response_error(response, 50001, "the response is too large or memory is short, ask for less");
    response->closes = true;
    if (join(response, head_only, keeps_alive_1_0, &bytes)) {
        return bytes;
    }
    return slice_make(last_resort, sizeof last_resort - 1);
}
