#include "request_head.h"

#include "field.h"

/* Visible ASCII: no blank, no control character, so it cannot end the request line. */
static bool is_visible(const char *text, size_t size_max) {
    size_t size = 0;
    for (; text[size] != '\0'; size++) {
        if (text[size] <= ' ' || text[size] > '~' || size == size_max) {
            return false;
        }
    }
    return size > 0;
}

enum status request_head_check(const char *authority, const char *target, const struct http_pair *headers,
                               size_t header_count, struct error *error) {
    if (!is_visible(authority, REQUEST_AUTHORITY_SIZE_MAX) || strpbrk(authority, "/?#@")) {
        return error_set(error, STATUS_INVALID, "a peer's address must be host:port");
    }
    if (target[0] != '/' || !is_visible(target, HTTP_HEAD_BYTES_MAX)) {
        return error_set(error, STATUS_INVALID, "a target must begin with '/' and be escaped");
    }
    if (header_count > REQUEST_HEADERS_MAX) {
        return error_set(error, STATUS_INVALID, "%zu headers, at most %d", header_count, REQUEST_HEADERS_MAX);
    }
    for (size_t i = 0; i < header_count; i++) {
        if (!field_is_name(headers[i].name) || !field_is_value(headers[i].value)) {
            return error_set(error, STATUS_INVALID, "header %zu cannot be sent", i);
        }
    }
    return STATUS_OK;
}
