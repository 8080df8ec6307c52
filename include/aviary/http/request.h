/*
 * A request as a handler sees it: checked, decoded, with its body read in full (but for streams, below).
 *
 * Ownership and threads: a request and all slices in it belong to the worker thread that runs the handler and
 * are valid until the handler returns. Handlers read the fields and change none.
 */
#ifndef AVIARY_HTTP_REQUEST_H
#define AVIARY_HTTP_REQUEST_H

#include "aviary/base/limits.h"
#include "aviary/base/slice.h"
#include "aviary/base/status.h"

/* Others are answered 501 before a handler sees them. */
enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_PATCH,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_OPTIONS,
};

/* "GET"; never NULL. */
const char *http_method_name(enum http_method method);

struct http_pair {
    struct slice name;
    struct slice value;
};

struct http_exchange; /* private to the room */

struct http_request {
    enum http_method method;
    bool head_only; /* a HEAD: method says GET, and the body of the response is counted but not sent */

    struct slice raw_path;  /* as it came, with its escapes: for forwarding */
    struct slice raw_query; /* after '?', as it came; empty without one */

    /* "/v1/topics/a%2fb/" is {"v1", "topics", "a/b"}: split first, then decoded. Never "." or "..", never
     * empty, never with a NUL. A trailing slash adds no segment. */
    size_t segment_count;
    struct slice segments[HTTP_PATH_SEGMENTS_MAX];

    /* "?key=a+b&raw" is {{"key", "a b"}, {"raw", ""}}, decoded as forms are, in order, repeats kept. */
    size_t parameter_count;
    struct http_pair parameters[HTTP_QUERY_PARAMETERS_MAX];

    size_t header_count;
    struct http_pair headers[HTTP_HEADERS_MAX]; /* names in the client's case, values trimmed */

    struct slice content_type; /* the header's value; empty without one */
    uint64_t content_length;   /* bytes; 0 without a body */
    struct slice body;         /* exactly content_length bytes; empty for a stream */

    const char *peer_address; /* "127.0.0.1" */
    uint16_t peer_port;

    struct http_exchange *exchange;
};

/* The first header of that name (any case), or NULL. */
const struct slice *http_request_header(const struct http_request *request, const char *name);
/* The first parameter of that name (exact), or NULL. */
const struct slice *http_request_parameter(const struct http_request *request, const char *name);
/* True once the server is being stopped: a handler that waits should return within 200 ms, with what it has.
 */
bool http_request_is_stopping(const struct http_request *request);

/*
 * Streams: a request for which the server's `is_stream` hook says yes reaches its handler with the body
 * unread. The client must have sent `Expect: 100-continue` (417 otherwise) and waits. The handler either
 * fills the response with a refusal and returns, or accepts once and reads until it is done; after accepting,
 * nothing of the response is sent, and the connection closes when the handler returns.
 */

/* Sends "100 Continue". IO: the connection is gone. CLOSED: the server is stopping, and the response says so.
 */
enum status http_request_accept_stream(struct http_request *request) AVIARY_MUST_USE;

/*
 * Reads what has arrived, at least 1 and at most `size` bytes, waiting for it until `deadline_ms`
 * (monotonic). A read returns as soon as a single byte is there. TIMEOUT: nothing came, read again. CLOSED:
 * the peer closed, the content length is used up, or the server is stopping. IO: the connection broke.
 */
enum status http_request_read(struct http_request *request, uint8_t *buffer, size_t size,
                              uint64_t deadline_ms, size_t *ret_size) AVIARY_MUST_USE;

#endif
