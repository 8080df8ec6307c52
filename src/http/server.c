#include "server.h"

#include "aviary/base/assert.h"
#include "aviary/base/clock.h"
#include "aviary/base/log.h"
#include "listen.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SPARE_WORKERS = 32,     /* to answer the connections above the limit */
    CONNECTION_QUEUE = 512, /* accepted, waiting for a worker */
    LISTEN_BACKLOG = 1024,
    HEAD_BUFFER_SIZE = 2 * HTTP_HEAD_BYTES_MAX, /* so that we see a head that is too large, and can say so */
    STOP_POLL_US = 2000,
    NUMBER_TEXT_SIZE = 24,
    CIVETWEB_MESSAGE_SIZE = 256,
};

/* civetweb's options as text, alive until mg_start has copied them. */
struct civetweb_options {
    char listening_ports[INET_ADDRSTRLEN + sizeof ":65535"];
    char num_threads[NUMBER_TEXT_SIZE];
    char connection_queue[NUMBER_TEXT_SIZE];
    char listen_backlog[NUMBER_TEXT_SIZE];
    char max_request_size[NUMBER_TEXT_SIZE];
    char request_timeout_ms[NUMBER_TEXT_SIZE];
    char keep_alive_timeout_ms[NUMBER_TEXT_SIZE];
};

/* What civetweb first complained of while mg_start ran in this thread: it returns no reason itself. */
static _Thread_local char start_complaint[CIVETWEB_MESSAGE_SIZE];

static void init_civetweb(void) {
    (void)mg_init_library(0); /* no TLS: the returned feature bits say nothing we need */
}

static void *on_thread(const struct mg_context *civetweb, int type) {
    struct http_server *server = mg_get_user_data(civetweb);
    if (type != 1) { /* not a worker */
        return NULL;
    }
    unsigned index = atomic_fetch_add(&server->workers_started, 1);
    ASSERT(index < server->worker_count);
    return &server->exchanges[index];
}

/* civetweb hands its callbacks a const connection, and wants the same one without const for everything else.
 */
static struct mg_connection *writable(const struct mg_connection *connection) {
    return (struct mg_connection *)(uintptr_t)connection;
}

static int on_open(const struct mg_connection *connection, void **ret_data) {
    struct http_exchange *exchange = mg_get_thread_pointer(connection);
    *ret_data = NULL;
    if (!exchange->server) { /* the worker's first connection: idle workers cost no memory */
        struct http_server *server = mg_get_user_data(mg_get_context(connection));
        exchange_init(exchange, server, &server->watches[exchange - server->exchanges]);
    }
    exchange_open(exchange, writable(connection));
    return 0;
}

static int on_request(struct mg_connection *connection) {
    return exchange_run(mg_get_thread_pointer(connection), connection);
}

static int on_error(struct mg_connection *connection, int status, const char *message) {
    (void)message;
    exchange_refused(mg_get_thread_pointer(connection), connection, status);
    return 0;
}

static void on_close(const struct mg_connection *connection) {
    exchange_close(mg_get_thread_pointer(connection), writable(connection));
}

static int on_log(const struct mg_connection *connection, const char *message) {
    (void)connection;
    if (start_complaint[0] == '\0') {
        snprintf(start_complaint, sizeof start_complaint, "%s", message);
    }
    log_debug("http", "civetweb", "%s", message);
    return 1;
}

static enum status check_options(struct http_server *server, const struct http_server_options *options,
                                 struct error *error) {
    server->options = *options;
    server->options.listen = NULL;
    if (options->connections_max > HTTP_CONNECTIONS_MAX) {
        return error_set(error, STATUS_INVALID, "at most %d connections, not %u", HTTP_CONNECTIONS_MAX,
                         options->connections_max);
    }
    if (options->connections_max == 0) {
        server->options.connections_max = HTTP_CONNECTIONS_MAX;
    }
    if (options->body_bytes_max == 0) {
        server->options.body_bytes_max = HTTP_BODY_BYTES_MAX;
    }
    if (server->options.body_bytes_max > HTTP_BODIES_BYTES_MAX) {
        return error_set(error, STATUS_INVALID, "a body of at most %d bytes, not %zu", HTTP_BODIES_BYTES_MAX,
                         options->body_bytes_max);
    }
    if (options->body_deadline_ms == 0) {
        server->options.body_deadline_ms = HTTP_BODY_DEADLINE_MS;
    }
    if (options->idle_timeout_ms == 0) {
        server->options.idle_timeout_ms = HTTP_IDLE_TIMEOUT_MS;
    }
    server->worker_count = server->options.connections_max + SPARE_WORKERS;
    return STATUS_OK;
}

static void format_number(char text[NUMBER_TEXT_SIZE], uint64_t number) {
    snprintf(text, NUMBER_TEXT_SIZE, "%" PRIu64, number);
}

static void format_options(const struct http_server *server, const struct sockaddr_in *address,
                           struct civetweb_options *options) {
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
    snprintf(options->listening_ports, sizeof options->listening_ports, "%s:%u", host,
             (unsigned)ntohs(address->sin_port));
    format_number(options->num_threads, server->worker_count);
    format_number(options->connection_queue, CONNECTION_QUEUE);
    format_number(options->listen_backlog, LISTEN_BACKLOG);
    format_number(options->max_request_size, HEAD_BUFFER_SIZE);
    format_number(options->request_timeout_ms, HTTP_HEAD_DEADLINE_MS);
    format_number(options->keep_alive_timeout_ms, server->options.idle_timeout_ms);
}

static enum status start_civetweb(struct http_server *server, const struct sockaddr_in *address,
                                  struct error *error) {
    static const struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .http_error = on_error,
        .log_message = on_log,
        .init_thread = on_thread,
        .init_connection = on_open,
        .connection_close = on_close,
    };
    struct civetweb_options text;
    format_options(server, address, &text);
    const char *options[] = {
        "listening_ports",
        text.listening_ports,
        "num_threads",
        text.num_threads,
        "connection_queue",
        text.connection_queue,
        "listen_backlog",
        text.listen_backlog,
        "max_request_size",
        text.max_request_size,
        "request_timeout_ms",
        text.request_timeout_ms,
        "enable_keep_alive",
        "yes",
        "keep_alive_timeout_ms",
        text.keep_alive_timeout_ms,
        "tcp_nodelay",
        "1",
        "decode_url",
        "no",
        "enable_auth_domain_check",
        "no",
        NULL,
    };
    start_complaint[0] = '\0';
    server->civetweb = mg_start(&callbacks, server, options);
    if (!server->civetweb) {
        return error_set(error, STATUS_UNAVAILABLE, "cannot listen on %s: %s", text.listening_ports,
                         start_complaint);
    }
    return STATUS_OK;
}

/* Learns the port that the kernel chose, and takes hold of the listening socket. */
static enum status find_listener(struct http_server *server, struct sockaddr_in *address,
                                 struct error *error) {
    struct mg_server_port port;
    if (mg_get_server_ports(server->civetweb, 1, &port) != 1) {
        return error_set(error, STATUS_IO, "civetweb does not tell its port");
    }
    server->port = (uint16_t)port.port;
    address->sin_port = htons(server->port);
    if (socket_find_listener(address, &server->listener) != STATUS_OK) {
        return error_set(error, STATUS_IO, "cannot find the listening socket, is /proc mounted?");
    }
    return STATUS_OK;
}

static enum status allocate(struct http_server *server, struct error *error) {
    server->exchanges = calloc(server->worker_count, sizeof *server->exchanges);
    server->watches = aligned_alloc(WATCH_ALIGNMENT, server->worker_count * sizeof *server->watches);
    server->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!server->exchanges || !server->watches) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for %u connections", server->worker_count);
    }
    memset(server->watches, 0, server->worker_count * sizeof *server->watches);
    if (server->stop_event < 0) {
        return error_set(error, STATUS_UNAVAILABLE, "eventfd: %s", strerror(errno));
    }
    return STATUS_OK;
}

static void release(struct http_server *server) {
    if (server->listener >= 0) {
        close(server->listener);
    }
    if (server->stop_event >= 0) {
        close(server->stop_event);
    }
    for (unsigned i = 0; server->exchanges && i < server->worker_count; i++) {
        exchange_finish(&server->exchanges[i]);
    }
    free(server->exchanges);
    free(server->watches);
    free(server);
}

static enum status start(struct http_server *server, struct sockaddr_in *address, struct error *error) {
    enum status status = allocate(server, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = watcher_init(&server->watcher, server->watches, server->worker_count, exchange_ends, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = start_civetweb(server, address, error);
    if (status != STATUS_OK) {
        goto finish_watcher;
    }
    status = find_listener(server, address, error);
    if (status != STATUS_OK) {
        goto stop_civetweb;
    }
    return STATUS_OK;

stop_civetweb:
    mg_stop(server->civetweb);
finish_watcher:
    watcher_finish(&server->watcher);
    return status;
}

enum status http_server_create(const struct http_server_options *options, http_handler handler, void *context,
                               struct http_server **ret_server, struct error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct sockaddr_in address;
    pthread_once(&once, init_civetweb);
    struct http_server *server = calloc(1, sizeof *server);
    if (!server) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for a server");
    }
    server->handler = handler;
    server->context = context;
    server->listener = -1;
    server->stop_event = -1;
    enum status status = check_options(server, options, error);
    if (status == STATUS_OK) {
        status = listen_address_resolve(options->listen, &address, error);
    }
    if (status == STATUS_OK) {
        status = start(server, &address, error);
    }
    if (status != STATUS_OK) {
        release(server);
        return status;
    }
    *ret_server = server;
    return STATUS_OK;
}

uint16_t http_server_port(const struct http_server *server) {
    return server->port;
}

bool http_server_is_stopping(const struct http_server *server) {
    return atomic_load(&server->stopping);
}

void http_server_stop_accepting(struct http_server *server) {
    if (!atomic_exchange(&server->stopping, true)) {
        int failed = eventfd_write(server->stop_event, 1);
        ASSERT(failed == 0);
    }
}

static bool any_busy(const struct http_server *server) {
    for (unsigned i = 0; i < server->worker_count; i++) {
        if (atomic_load(&server->exchanges[i].busy)) {
            return true;
        }
    }
    return false;
}

void http_server_destroy(struct http_server *server) {
    if (!server) {
        return;
    }
    http_server_stop_accepting(server);
    /* mg_stop drops answers that are being written, so the handlers get their time before it. */
    uint64_t deadline_ms = clock_monotonic_ms() + HTTP_STOP_GRACE_MS;
    while (any_busy(server) && clock_monotonic_ms() < deadline_ms) {
        usleep(STOP_POLL_US);
    }
    /* civetweb looks at its stop flag every two seconds; sockets that end wake its threads at once. */
    shutdown(server->listener, SHUT_RDWR);
    socket_shutdown_all(server->port, SHUT_RD);
    mg_stop(server->civetweb);
    watcher_finish(&server->watcher);
    release(server);
}

void http_server_counters(const struct http_server *server, struct http_server_counters *ret_counters) {
    struct http_server_counters sum = {.connections = atomic_load(&server->connections)};
    for (unsigned i = 0; i < server->worker_count; i++) {
        const struct exchange_counters *counters = &server->exchanges[i].counters;
        sum.requests += atomic_load_explicit(&counters->requests, memory_order_relaxed);
        sum.requests_refused += atomic_load_explicit(&counters->refused, memory_order_relaxed);
        sum.connections_surplus += atomic_load_explicit(&counters->surplus, memory_order_relaxed);
        sum.bytes_received += atomic_load_explicit(&counters->received, memory_order_relaxed);
        sum.bytes_sent += atomic_load_explicit(&counters->sent, memory_order_relaxed);
    }
    *ret_counters = sum;
}
