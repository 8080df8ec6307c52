/*
 * A stream: a POST that never ends, over which we send as we like. The sending side of `http_request_read`.
 *
 * The head goes out with `Expect: 100-continue` and a Content-Length of HTTP_STREAM_BYTES_MAX; the far side
 * answers "100 Continue" or refuses with an ordinary response.
 *
 * Threads: a stream belongs to one thread at a time. Times are monotonic milliseconds.
 */
#ifndef AVIARY_HTTP_STREAM_H
#define AVIARY_HTTP_STREAM_H

#include "aviary/http/request.h"

/* The Content-Length that a stream announces: 1 PiB. */
#define HTTP_STREAM_BYTES_MAX (UINT64_C(1) << 50)

struct http_stream;

struct http_stream_options {
    const char *authority; /* "host:port" */
    const char *target;    /* "/path?query", already escaped */
    const struct http_pair *headers;
    size_t header_count;  /* at most HTTP_HEADERS_MAX - 8; Host, Expect and Content-Length are the room's */
    uint64_t deadline_ms; /* for connecting and for the far side's answer */
};

/*
 * UNAVAILABLE: no connection, or the far side answered 5xx. TIMEOUT. CONFLICT: the far side refused with
 * another HTTP status; the message quotes its answer. INVALID, NO_MEMORY, CLOSED (closed without an answer),
 * CORRUPT (no HTTP answer).
 */
enum status http_stream_open(const struct http_stream_options *options, struct http_stream **ret_stream,
                             struct error *error) AVIARY_MUST_USE;
/*
 * Sends all of `bytes`, waiting until `deadline_ms` where the far side does not keep up.
 * TIMEOUT: nothing or a part was sent; CLOSED: the far side closed or answered (the message quotes it), or
 * fewer than `bytes.size` bytes remain. After either, the stream is broken: close it.
 */
enum status http_stream_send(struct http_stream *stream, struct slice bytes, uint64_t deadline_ms,
                             struct error *error) AVIARY_MUST_USE;
/*
 * Sends what the far side takes at once, of `bytes` from the front: how many bytes that was. 0 also where the
 * stream is broken, or fewer than `bytes.size` bytes remain: http_stream_send tells.
 */
size_t http_stream_try_send(struct http_stream *stream, struct slice bytes);
/* Looks, without waiting, whether the far side closed or answered, or a send failed. Costs one poll(2). */
bool http_stream_is_broken(struct http_stream *stream);
/* Bytes that may still be sent; open a new stream before they run out. */
uint64_t http_stream_remaining(const struct http_stream *stream);
/* Closes at once. Takes NULL. */
void http_stream_close(struct http_stream *stream);

#endif
