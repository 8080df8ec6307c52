/* How civetweb is set up: its options, and what it calls. */
#include "server.h"

#include "aviary/base/assert.h"
#include "aviary/base/clock.h"
#include "aviary/base/log.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
    CONNECTION_QUEUE = 512, /* accepted, waiting for a worker */
    LISTEN_BACKLOG = 1024,
    HEAD_BUFFER_SIZE = 2 * HTTP_HEAD_BYTES_MAX, /* so that we see a head that is too large, and can say so */
    NUMBER_TEXT_SIZE = 24,
    CIVETWEB_MESSAGE_SIZE = 256,
    THREADS_POLL_NS = 1000000,
};

/* How civetweb calls the kinds of its threads. */
enum { THREAD_ACCEPTING = 0, THREAD_WORKER = 1 };

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
    if (type != THREAD_WORKER) {
        if (type == THREAD_ACCEPTING) {
            atomic_store(&server->accepts, true);
        }
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

static bool all_threads_run(const struct http_server *server) {
    return atomic_load(&server->accepts) && atomic_load(&server->workers_started) == server->worker_count;
}

/*
 * civetweb goes on where a thread cannot be made: with fewer workers than connections newcomers would wait in
 * silence, and without the accepting thread nobody is served and mg_stop does nothing.
 */
static enum status await_threads(struct http_server *server, struct error *error) {
    uint64_t deadline_ms = clock_monotonic_ms() + HTTP_START_GRACE_MS;
    while (!all_threads_run(server) && clock_monotonic_ms() < deadline_ms) {
        nanosleep(&(struct timespec){.tv_nsec = THREADS_POLL_NS}, NULL);
    }
    if (all_threads_run(server)) {
        return STATUS_OK;
    }
    if (atomic_load(&server->accepts)) {
        mg_stop(server->civetweb);
        server->civetweb = NULL;
    }
    return error_set(error, STATUS_UNAVAILABLE,
                     "cannot start %u threads, one for each connection: raise the limit of processes, free "
                     "memory, or allow fewer connections. %s",
                     server->worker_count, start_complaint);
}

enum status server_start_civetweb(struct http_server *server, const struct sockaddr_in *address,
                                  struct error *error) {
    static const struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .http_error = on_error,
        .log_message = on_log,
        .init_thread = on_thread,
        .init_connection = on_open,
        .connection_close = on_close,
    };
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct civetweb_options text;
    pthread_once(&once, init_civetweb);
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
    return await_threads(server, error);
}
