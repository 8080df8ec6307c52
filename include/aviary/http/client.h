/*
 * The client: plain HTTP/1.1 requests over kept connections. No proxies, no redirects, no other protocols.
 *
 * What the status says about the far side, for requests that change something there:
 *   OK           an answer came; read its HTTP status
 *   UNAVAILABLE  no connection: nothing was sent
 *   TIMEOUT      the deadline passed, or the answer was no longer wanted, before anything was sent
 *   UNKNOWN      sent, in part or whole, and no whole answer came: it may have happened
 *   TOO_LARGE    an answer came but is larger than allowed: it did happen
 *   INVALID, NO_MEMORY: nothing was sent
 *
 * A kept connection may die just as it is used again, and libcurl then sends the request a second time by
 * itself, unseen by the caller: the far side can have taken both. Set `resend_allowed` only for requests that
 * may safely arrive twice (writes with an idempotency key); reads always may. Other requests each pay for a
 * new connection.
 *
 * Threads: any, at once; each call blocks its own.
 */
#ifndef AVIARY_HTTP_CLIENT_H
#define AVIARY_HTTP_CLIENT_H

#include "aviary/base/buffer.h"
#include "aviary/http/request.h"

struct http_client;

struct http_client_request {
    enum http_method method;
    const char *authority; /* "host:port" */
    const char *target;    /* "/path?query", already escaped */
    const struct http_pair *headers;
    size_t header_count;         /* at most HTTP_HEADERS_MAX - 8; Host and Content-Length are the room's */
    struct slice body;           /* none for a GET */
    uint32_t connect_timeout_ms; /* 0: HTTP_CONNECT_TIMEOUT_MS */
    uint32_t timeout_ms;         /* for all of it, above 0 */
    bool resend_allowed;
    /* Asked every HTTP_CLIENT_LOOK_MS while nothing comes, on the caller's thread: whether the answer is no
     * longer wanted. Then the request ends as at its deadline. NULL: it is wanted until then. */
    bool (*is_unwanted)(void *context);
    void *context;
};

/* In the caller's memory: init, perform (any number of times), finish. */
struct http_client_response {
    unsigned status;       /* HTTP */
    struct buffer body;    /* bounded by what init was given */
    struct buffer headers; /* the raw header lines; read with http_client_header */
};

/* `body_bytes_max` above 0. Allocates nothing yet. */
void http_client_response_init(struct http_client_response *response, size_t body_bytes_max);
/* Takes one that was init-ed or zeroed. */
void http_client_response_finish(struct http_client_response *response);
/* The value of the first header of that name (any case), in `response`'s memory; false without one. */
bool http_client_header(const struct http_client_response *response, const char *name,
                        struct slice *ret_value);

/* NO_MEMORY, or IO where libcurl does not start. */
enum status http_client_create(struct http_client **ret_client) AVIARY_MUST_USE;
/* After the last perform has returned. Takes NULL. */
void http_client_destroy(struct http_client *client);
/* `response` is undefined unless OK, but must be finished all the same. Statuses: see above. */
enum status http_client_perform(struct http_client *client, const struct http_client_request *request,
                                struct http_client_response *response, struct error *error) AVIARY_MUST_USE;

#endif
