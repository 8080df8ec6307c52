#include "exchange.h"

#include "aviary/base/assert.h"
#include "aviary/base/clock.h"
#include "head.h"
#include "method.h"
#include "server.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct refusal REFUSED_STOPPING = {
    REFUSAL_BUSY, "this server is stopping, nothing was done: ask another or try again later"};
static const struct refusal REFUSED_SURPLUS = {REFUSAL_BUSY,
                                               "too many connections, nothing was done: try again later"};
static const struct refusal REFUSED_STREAM = {REFUSAL_EXPECTATION, "a stream must send Expect: 100-continue"};
static const struct refusal REFUSED_TARGET = {REFUSAL_MALFORMED, "the target must be a path of this server"};

void exchange_init(struct http_exchange *exchange, struct http_server *server, struct watch *watch) {
    exchange->server = server;
    exchange->watch = watch;
    response_init(&exchange->response, &server->responses);
    buffer_init(&exchange->body, exchange->server->options.body_bytes_max);
    exchange->request.exchange = exchange;
    exchange->stream_socket = -1;
}

void exchange_finish(struct http_exchange *exchange) {
    response_finish(&exchange->response);
    buffer_finish(&exchange->body);
    target_scratch_finish(&exchange->scratch);
}

bool exchange_ends(const void *connection, struct socket_ends *ret_ends) {
    const struct mg_request_info *info = mg_get_request_info(connection);
    if (!info) {
        return false;
    }
    *ret_ends = (struct socket_ends){
        .peer = {.sin_family = AF_INET, .sin_port = htons((uint16_t)info->remote_port)},
        .local_port = (uint16_t)info->server_port,
    };
    return inet_pton(AF_INET, info->remote_addr, &ret_ends->peer.sin_addr) == 1;
}

static void respond_with(struct http_response *response, const struct refusal *refusal) {
    http_response_error(response, refusal->error_code, "%s", refusal->message);
    if (response->status == 503) {
        http_response_header(response, "Retry-After", "1");
    }
}

/*
 * A large response counts until the client has taken it, which a slow one may do for a minute. What only
 * reads is refused where there are too many; other answers tell what was done, and are given in any case.
 */
static void count_response(struct http_exchange *exchange) {
    struct http_response *response = &exchange->response;
    if (response->repeatable || exchange->request.method == HTTP_METHOD_GET) {
        http_response_count(response);
    } else {
        response_count_always(response);
    }
}

/* Input may be left that we will never read: see socket_linger. */
static void linger(struct http_exchange *exchange) {
    const struct mg_request_info *info = mg_get_request_info(exchange->connection);
    struct socket_ends ends;
    int fd;
    if (info->content_length <= 0 && !mg_get_header(exchange->connection, "Transfer-Encoding") &&
        !exchange->is_answered) {
        return; /* the head is all there is */
    }
    if (exchange_ends(exchange->connection, &ends) && socket_find(&ends, &fd) == STATUS_OK) {
        socket_linger(fd, exchange->server->stop_event, clock_monotonic_ms() + HTTP_LINGER_MS);
        close(fd);
    }
}

static void send_response(struct http_exchange *exchange) {
    struct http_response *response = &exchange->response;
    const struct mg_request_info *info = mg_get_request_info(exchange->connection);
    bool is_http_1_0 = info->http_version && strcmp(info->http_version, "1.0") == 0;
    struct slice bytes = response_seal(response, exchange->request.head_only, is_http_1_0);
    if (response->closes) {
        mg_disable_connection_keep_alive(exchange->connection);
    }
    if (!exchange_write(exchange, bytes)) {
        mg_disable_connection_keep_alive(exchange->connection);
    }
    response_trim(response);
}

static void refuse(struct http_exchange *exchange, const struct refusal *refusal) {
    struct http_response *response = &exchange->response;
    counter_add(&exchange->counters.refused, 1);
    respond_with(response, refusal);
    http_response_close_connection(response);
    send_response(exchange);
    linger(exchange);
}

/* Runs the handler unless the server is stopping, which waits for those that are busy. */
static bool handle(struct http_exchange *exchange) {
    struct http_server *server = exchange->server;
    atomic_store(&exchange->busy, true); /* before the look: either we see the stop or it sees us */
    if (http_server_is_stopping(server)) {
        refuse(exchange, &REFUSED_STOPPING);
        return false;
    }
    counter_add(&exchange->counters.requests, 1);
    http_response_reset(&exchange->response);
    server->handler(server->context, &exchange->request, &exchange->response);
    return true;
}

static void run_stream(struct http_exchange *exchange) {
    if (!exchange->sends_100) {
        refuse(exchange, &REFUSED_STREAM);
        return;
    }
    exchange->stream_remaining = exchange->request.content_length;
    if (!handle(exchange)) {
        return;
    }
    if (exchange->stream_socket >= 0) {
        close(exchange->stream_socket);
        exchange->stream_socket = -1;
        mg_disable_connection_keep_alive(exchange->connection);
        return;
    }
    http_response_close_connection(&exchange->response);
    send_response(exchange);
    linger(exchange);
}

static void answer(struct http_exchange *exchange) {
    if (!handle(exchange)) {
        return;
    }
    if (!exchange->wants_alive || http_server_is_stopping(exchange->server)) {
        http_response_close_connection(&exchange->response);
    }
    count_response(exchange);
    send_response(exchange);
}

static void run_request(struct http_exchange *exchange) {
    struct refusal refusal;
    if (exchange_read_body(exchange, &refusal)) {
        answer(exchange);
    } else if (refusal.error_code != 0) {
        refuse(exchange, &refusal);
    } else {
        mg_disable_connection_keep_alive(exchange->connection);
    }
    exchange_release_body(exchange);
}

static bool check(struct http_exchange *exchange, const struct mg_request_info *info,
                  struct refusal *ret_refusal) {
    struct http_request *request = &exchange->request;
    struct head head;
    request->head_only = false;
    request->body = (struct slice){0};
    request->peer_address = info->remote_addr;
    request->peer_port = (uint16_t)info->remote_port;
    if (exchange->is_surplus) {
        counter_add(&exchange->counters.surplus, 1);
        *ret_refusal = REFUSED_SURPLUS;
        return false;
    }
    if (http_server_is_stopping(exchange->server)) {
        *ret_refusal = REFUSED_STOPPING;
        return false;
    }
    if (!head_check(info, request, &head, ret_refusal) ||
        !target_decode(request, &exchange->scratch, ret_refusal)) {
        return false;
    }
    exchange->wants_alive = head.keep_alive;
    exchange->sends_100 = head.expects_continue;
    return true;
}

int exchange_run(struct http_exchange *exchange, struct mg_connection *connection) {
    struct http_server *server = exchange->server;
    struct refusal refusal;
    exchange->connection = connection;
    (void)watch_end(exchange->watch); /* the one that waits for a surplus connection's request */
    if (!check(exchange, mg_get_request_info(connection), &refusal)) {
        refuse(exchange, &refusal);
    } else if (server->options.is_stream && server->options.is_stream(server->context, &exchange->request)) {
        run_stream(exchange);
    } else {
        run_request(exchange);
    }
    atomic_store(&exchange->busy, false);
    if (http_server_is_stopping(server)) {
        server_tell_idle(server);
    }
    return (int)http_response_status(&exchange->response);
}

void exchange_open(struct http_exchange *exchange, struct mg_connection *connection) {
    struct http_server *server = exchange->server;
    exchange->is_answered = false;
    exchange->is_surplus = atomic_fetch_add(&server->connections, 1) >= server->options.connections_max;
    if (exchange->is_surplus) {
        watch_begin(exchange->watch, connection, SHUT_RDWR, clock_monotonic_ms() + HTTP_SURPLUS_WAIT_MS);
    }
}

/* What civetweb found wrong with a head that it could not read, in our words. */
static struct refusal refusal_of(const struct mg_request_info *info, int status) {
    enum http_method method;
    bool head_only;
    switch (status) {
    case 411:
        return (struct refusal){REFUSAL_MALFORMED, "Content-Length must be a decimal number"};
    case 505:
        return (struct refusal){REFUSAL_VERSION, "the HTTP version must be 1.0 or 1.1"};
    default:
        break;
    }
    /* civetweb looks at the method only after it has found a version. */
    if (info->request_method && info->http_version &&
        !method_parse(info->request_method, &method, &head_only)) {
        return (struct refusal){REFUSAL_METHOD, "the method is not supported"};
    }
    return (struct refusal){REFUSAL_MALFORMED,
                            "the request head is malformed, far too large, or did not come in time"};
}

void exchange_refused(struct http_exchange *exchange, struct mg_connection *connection, int status) {
    struct refusal refusal = refusal_of(mg_get_request_info(connection), status);
    exchange->connection = connection;
    exchange->is_answered = true;
    exchange->request.head_only = false;
    (void)watch_end(exchange->watch);
    refuse(exchange, &refusal);
}

/*
 * Each connection goes to the worker that has waited longest, so in time every one of thousands would hold on
 * to memory that only a few need at once.
 */
static void release_memory(struct http_exchange *exchange) {
    buffer_finish(&exchange->body);
    response_finish(&exchange->response);
    target_scratch_finish(&exchange->scratch);
}

void exchange_close(struct http_exchange *exchange, struct mg_connection *connection) {
    const struct mg_request_info *info = mg_get_request_info(connection);
    (void)watch_end(exchange->watch);
    /* civetweb closes without a word where the target is "*" or another server's URI. */
    if (info && info->request_uri && !info->local_uri && !exchange->is_answered) {
        exchange->connection = connection;
        exchange->request.head_only = false;
        refuse(exchange, &REFUSED_TARGET);
    }
    release_memory(exchange);
    atomic_fetch_sub(&exchange->server->connections, 1);
}
