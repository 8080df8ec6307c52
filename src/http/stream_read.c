/* The reading side of streams: straight from the socket, past civetweb. */
#include "exchange.h"
#include "server.h"

#include "aviary/base/assert.h"
#include "aviary/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * civetweb has read no byte of the body: a client that keeps to HTTP sends none before our "100 Continue".
 * What another sent early is lost to it alone, as its frames no longer line up.
 */
enum status http_request_accept_stream(struct http_request *request) {
    struct http_exchange *exchange = request->exchange;
    ASSERT(exchange->stream_socket < 0);
    ASSERT(exchange->sends_100);
    struct socket_ends ends;
    int fd;
    if (http_request_is_stopping(request)) {
        http_response_error(&exchange->response, REFUSAL_BUSY, "this server is stopping, try again later");
        return STATUS_CLOSED;
    }
    if (!exchange_ends(exchange->connection, &ends) || socket_find(&ends, &fd) != STATUS_OK) {
        return STATUS_IO;
    }
    if (!exchange_write(exchange, slice_of_string("HTTP/1.1 100 Continue\r\n\r\n"))) {
        close(fd);
        return STATUS_IO;
    }
    exchange->stream_socket = fd;
    return STATUS_OK;
}

/* Waits for a byte, the peer's end, the server's stop or the deadline. */
static enum status wait_readable(const struct http_exchange *exchange, uint64_t deadline_ms) {
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        struct pollfd waits[] = {
            {.fd = exchange->stream_socket, .events = POLLIN},
            {.fd = exchange->server->stop_event, .events = POLLIN},
        };
        int ready = poll(waits, 2, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
        if (ready < 0 && errno != EINTR) {
            return STATUS_IO;
        }
        if (ready > 0) {
            return waits[1].revents ? STATUS_CLOSED : STATUS_OK;
        }
        if (ready == 0 && left_ms <= INT32_MAX) {
            return STATUS_TIMEOUT;
        }
    }
}

enum status http_request_read(struct http_request *request, uint8_t *buffer, size_t size,
                              uint64_t deadline_ms, size_t *ret_size) {
    struct http_exchange *exchange = request->exchange;
    ASSERT(exchange->stream_socket >= 0);
    ASSERT(size > 0);
    if (exchange->stream_remaining == 0) {
        return STATUS_CLOSED;
    }
    size_t wanted = size < exchange->stream_remaining ? size : (size_t)exchange->stream_remaining;
    for (;;) {
        enum status status = wait_readable(exchange, deadline_ms);
        if (status != STATUS_OK) {
            return status;
        }
        ssize_t got = recv(exchange->stream_socket, buffer, wanted, MSG_DONTWAIT);
        if (got > 0) {
            exchange->stream_remaining -= (uint64_t)got;
            counter_add(&exchange->counters.received, (uint64_t)got);
            *ret_size = (size_t)got;
            return STATUS_OK;
        }
        if (got == 0) {
            return STATUS_CLOSED;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return STATUS_IO;
        }
    }
}
