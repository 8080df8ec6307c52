/*
 * The response that a handler fills; the room sends it when the handler returns, head and body in one write.
 *
 * A fresh response is 200 without a body. Content-Length, Date and Connection are the room's; a handler sets
 * none of them. Ownership and threads as for the request.
 */
#ifndef AVIARY_HTTP_RESPONSE_H
#define AVIARY_HTTP_RESPONSE_H

#include "aviary/base/buffer.h"

struct http_response;

/* 200..599. */
void http_response_set_status(struct http_response *response, unsigned status);
unsigned http_response_status(const struct http_response *response);

/*
 * Adds a header. For names and values that we wrote ourselves: a name that is no token, or a value with
 * control characters, is a programmer's error. Beyond HTTP_RESPONSE_HEAD_BYTES_MAX in all, a 500 is sent
 * instead.
 */
void http_response_header(struct http_response *response, const char *name, const char *value);
void http_response_header_u64(struct http_response *response, const char *name, uint64_t value);
/* The same for bytes that a client chose. INVALID: not sendable as a header (nothing added). TOO_LARGE. */
enum status http_response_header_checked(struct http_response *response, struct slice name,
                                         struct slice value) AVIARY_MUST_USE;
/* Content-Type; replaces an earlier one. `type` must live as long as the program. */
void http_response_content_type(struct http_response *response, const char *type);

/*
 * Where the body goes: append to it and do nothing else with it. Its first bytes are reserved for the head,
 * so never read its size or clear it: use the two functions below. A buffer that failed (memory, or more than
 * HTTP_RESPONSE_BYTES_MAX) makes the response a 500.
 */
struct buffer *http_response_body(struct http_response *response);
size_t http_response_body_size(const struct http_response *response);
/* Back to a fresh response: status 200, no headers, no body. */
void http_response_reset(struct http_response *response);

/*
 * It tells what is, not what was done, though the method is not GET: a 503 may take its place where too many
 * large responses are on their way.
 */
void http_response_set_repeatable(struct http_response *response);

/*
 * Counts a large body towards what all of them may take together, now and not only once the handler has
 * returned: for handlers of which so many at once put such a body together. Where there are too many, the
 * response becomes a 503. Only for what is repeatable, or was asked by GET.
 */
void http_response_count(struct http_response *response);

/* The connection closes after this response. */
void http_response_close_connection(struct http_response *response);

/*
 * Resets, then makes it the project's error: {"error_code":40402,"message":"..."}, status 404 (the first
 * three of the five digits), application/json. The message says what to do; it is cut at ERROR_MESSAGE_MAX
 * and escaped. Headers (Retry-After, Allow, ...) are added after this call.
 */
void http_response_error(struct http_response *response, unsigned error_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends the same JSON object to any buffer. */
void http_error_append(struct buffer *buffer, unsigned error_code, const char *message);

/* "Not Found"; "Unknown" for a status that has no phrase here. */
const char *http_status_phrase(unsigned status);

#endif
