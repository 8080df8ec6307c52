/* What both clients check about a request before they send it. */
#ifndef AVIARY_HTTP_REQUEST_HEAD_H
#define AVIARY_HTTP_REQUEST_HEAD_H

#include "aviary/http/request.h"

enum {
    REQUEST_HEADERS_MAX = HTTP_HEADERS_MAX - 8, /* the room's own headers need the rest */
    REQUEST_AUTHORITY_SIZE_MAX = HOST_SIZE_MAX + (int)sizeof(":65535") - 1,
};

/*
 * INVALID: an authority, target or header that could not be sent, or could be taken for more than one line.
 * All of them are the caller's and stay so.
 */
enum status request_head_check(const char *authority, const char *target, const struct http_pair *headers,
                               size_t header_count, struct error *error) AVIARY_MUST_USE;

#endif
