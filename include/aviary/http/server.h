/*
 * The server: one listening address, a bounded number of connections, a thread for each.
 *
 * Before a handler runs, the room has refused, in the project's error form and closing the connection:
 *   400  both Content-Length and Transfer-Encoding, two lengths, a length that is no number, no Host or two;
 *        a line that is folded, ends without CRLF or has a blank before its colon;
 *        a bad escape, "%00", a segment that is empty, "." or "..";
 *        more than HTTP_PATH_SEGMENTS_MAX segments or HTTP_QUERY_PARAMETERS_MAX parameters;
 *        a body that ends early
 *   408  a body later than its deadline or slower than HTTP_BODY_RATE_MIN_BYTES_PER_S
 *   411  Transfer-Encoding: chunked bodies are not supported, send Content-Length
 *   413  a body above `body_bytes_max`
 *   417  an Expect other than 100-continue (which is answered)
 *   431  more than HTTP_HEADERS_MAX headers or HTTP_HEAD_BYTES_MAX bytes of head (400 beyond twice that)
 *   501  a method that is not in `enum http_method`
 *   503  (Retry-After) a connection above `connections_max`, bodies above HTTP_BODIES_BYTES_MAX in all,
 *        or a server that is stopping
 * and in place of a handler's large response to a GET
 *   503  (Retry-After) responses above HTTP_RESPONSES_BYTES_MAX in all that clients have not taken yet
 * A new connection's first head has HTTP_HEAD_DEADLINE_MS to come, a later one the idle timeout.
 *
 * Threads: create and destroy from one thread; the others from any. Several servers a process are fine.
 */
#ifndef AVIARY_HTTP_SERVER_H
#define AVIARY_HTTP_SERVER_H

#include "aviary/http/request.h"
#include "aviary/http/response.h"

struct http_server;

/* Runs on a worker thread, many at once. Fills `response`, which is sent when it returns. */
typedef void (*http_handler)(void *context, struct http_request *request, struct http_response *response);
/* True where the body shall be left to the handler (see request.h). Sees a request without its body. */
typedef bool (*http_is_stream)(void *context, const struct http_request *request);

struct http_server_options {
    const char *listen;        /* "host:port"; IPv4, or a name that has such an address; port 0: any */
    unsigned connections_max;  /* 1..HTTP_CONNECTIONS_MAX; 0: HTTP_CONNECTIONS_MAX */
    size_t body_bytes_max;     /* 0: HTTP_BODY_BYTES_MAX */
    uint32_t body_deadline_ms; /* from the head's end to the body's end; 0: HTTP_BODY_DEADLINE_MS */
    uint32_t idle_timeout_ms;  /* between two requests of a connection; 0: HTTP_IDLE_TIMEOUT_MS */
    http_is_stream is_stream;  /* NULL: no streams */
};

struct http_server_counters {
    uint64_t connections;         /* open now */
    uint64_t requests;            /* handed to the handler, so far */
    uint64_t requests_refused;    /* refused before the handler, surplus included, so far */
    uint64_t connections_surplus; /* refused for want of a place, so far */
    uint64_t bytes_received;      /* bodies and stream bytes, so far */
    uint64_t bytes_sent;          /* heads and bodies, so far */
};

/*
 * Starts to listen. `context` is handed to `handler` and to `is_stream`. The options are copied.
 * INVALID: a bad option. UNAVAILABLE: the address is in use or not ours. NO_MEMORY.
 */
enum status http_server_create(const struct http_server_options *options, http_handler handler, void *context,
                               struct http_server **ret_server, struct error *error) AVIARY_MUST_USE;
/* The port it listens on, also where the kernel chose it. */
uint16_t http_server_port(const struct http_server *server);
/* New requests get 503 and close; waiting handlers and stream readers are told to end. Returns at once. */
void http_server_stop_accepting(struct http_server *server);
bool http_server_is_stopping(const struct http_server *server);
/*
 * Stops: waits at most HTTP_STOP_GRACE_MS for running handlers, then closes every connection and joins all
 * threads (a handler that ignores `http_request_is_stopping` is waited for). Takes NULL.
 */
void http_server_destroy(struct http_server *server);
void http_server_counters(const struct http_server *server, struct http_server_counters *ret_counters);

#endif
