#include "server.h"

#include "aviary/base/assert.h"
#include "aviary/base/clock.h"
#include "listen.h"

#include <civetweb.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_WORKERS = 64 }; /* to answer the connections above the limit */

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
    if (server->stop_event < 0) {
        return error_set(error, STATUS_UNAVAILABLE, "eventfd: %s", strerror(errno));
    }
    return STATUS_OK;
}

static void release(struct http_server *server) {
    if (server->civetweb) {
        return; /* it could not be stopped: its workers look at the server until the process ends */
    }
    if (server->listener >= 0) {
        close(server->listener);
    }
    if (server->stop_event >= 0) {
        close(server->stop_event);
    }
    for (unsigned i = 0; server->exchanges && i < server->worker_count; i++) {
        if (server->exchanges[i].server) {
            exchange_finish(&server->exchanges[i]);
        }
    }
    free(server->exchanges);
    free(server->watches);
    condition_finish(&server->idle);
    mutex_finish(&server->mutex);
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
    status = server_start_civetweb(server, address, error);
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
    server->civetweb = NULL;
finish_watcher:
    if (!server->civetweb) {
        watcher_finish(&server->watcher);
    }
    return status;
}

enum status http_server_create(const struct http_server_options *options, http_handler handler, void *context,
                               struct http_server **ret_server, struct error *error) {
    struct sockaddr_in address;
    struct http_server *server = calloc(1, sizeof *server);
    if (!server) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for a server");
    }
    server->bodies.bytes_max = HTTP_BODIES_BYTES_MAX;
    server->responses.bytes_max = HTTP_RESPONSES_BYTES_MAX;
    server->handler = handler;
    server->context = context;
    server->listener = -1;
    server->stop_event = -1;
    mutex_init(&server->mutex);
    condition_init(&server->idle);
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

void server_tell_idle(struct http_server *server) {
    mutex_lock(&server->mutex);
    condition_signal(&server->idle);
    mutex_unlock(&server->mutex);
}

/* mg_stop drops answers that are being written, so handlers get their time before it. */
static void await_idle(struct http_server *server, uint64_t deadline_ms) {
    mutex_lock(&server->mutex);
    while (any_busy(server) && condition_wait_until(&server->idle, &server->mutex, deadline_ms)) {
    }
    mutex_unlock(&server->mutex);
}

void http_server_destroy(struct http_server *server) {
    if (!server) {
        return;
    }
    http_server_stop_accepting(server);
    await_idle(server, clock_monotonic_ms() + HTTP_STOP_GRACE_MS);
    /* civetweb looks at its stop flag every two seconds; sockets that end wake its threads at once. */
    shutdown(server->listener, SHUT_RDWR);
    socket_shutdown_all(server->port, SHUT_RD);
    mg_stop(server->civetweb);
    server->civetweb = NULL;
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
