/* Bodies: read whole, within a deadline and above a rate, or not at all. */
#include "exchange.h"
#include "server.h"

#include "aviary/base/clock.h"

#include <civetweb.h>
#include <sys/socket.h>

enum {
    PIECE_FIRST = 4 * 1024,
    PIECE_MAX = 1024 * 1024,
    BODY_FREE_OF_BUDGET = 64 * 1024, /* smaller bodies are not counted: all connections' together are small */
    BODY_KEEP_MAX = 256 * 1024,      /* memory that a worker keeps for its next body */
};

static const struct refusal REFUSED_TOO_LARGE = {
    REFUSAL_TOO_LARGE, "the body is larger than this server takes, send it in parts"};
static const struct refusal REFUSED_SLOW = {
    REFUSAL_SLOW, "the body came too slowly, nothing was done: send it faster or in smaller parts"};
static const struct refusal REFUSED_TRUNCATED = {
    REFUSAL_MALFORMED, "the body ended before its Content-Length, nothing was done"};
static const struct refusal REFUSED_MEMORY = {REFUSAL_NO_MEMORY, "out of memory, try again"};
static const struct refusal REFUSED_BUDGET = {
    REFUSAL_BUSY, "too many large bodies at once, nothing was done: try again later"};
static const struct refusal GONE = {0};

/* For the memory that the body has by now: who announces much and sends little takes nothing from others. */
static bool take_budget(struct http_exchange *exchange) {
    size_t size = exchange->body.capacity;
    if (size <= BODY_FREE_OF_BUDGET || size <= exchange->body_reserved) {
        return true;
    }
    bool taken = budget_take(&exchange->server->bodies, size - exchange->body_reserved);
    if (taken) {
        exchange->body_reserved = size;
    }
    return taken;
}

void exchange_release_body(struct http_exchange *exchange) {
    budget_give(&exchange->server->bodies, exchange->body_reserved);
    exchange->body_reserved = 0;
    if (exchange->body.capacity > BODY_KEEP_MAX) {
        buffer_finish(&exchange->body);
    }
}

/* When the first `size` bytes of a body must be there. */
static uint64_t deadline_for(size_t size, uint64_t start_ms, uint64_t whole_ms) {
    uint64_t by_rate_ms =
        start_ms + HTTP_BODY_RATE_GRACE_MS + (uint64_t)size * 1000 / HTTP_BODY_RATE_MIN_BYTES_PER_S;
    return by_rate_ms < whole_ms ? by_rate_ms : whole_ms;
}

/*
 * Reads to the end of the buffer's new piece. mg_read blocks until it has all of it, the peer closes (-1, or
 * fewer bytes) or nothing came for civetweb's own timeout (0, or fewer bytes).
 */
static bool read_piece(struct http_exchange *exchange, size_t piece, uint64_t deadline_ms,
                       struct refusal *ret_refusal) {
    uint8_t *at = buffer_extend(&exchange->body, piece);
    if (!at) {
        *ret_refusal = REFUSED_MEMORY;
        return false;
    }
    if (!take_budget(exchange)) {
        *ret_refusal = REFUSED_BUDGET;
        return false;
    }
    watch_move(exchange->watch, deadline_ms);
    for (size_t done = 0; done < piece;) {
        int size = mg_read(exchange->connection, at + done, piece - done);
        if (size < 0) {
            *ret_refusal = REFUSED_TRUNCATED;
            return false;
        }
        /* When civetweb stops it gives 0 at once, again and again. */
        bool is_over = clock_monotonic_ms() >= deadline_ms || http_server_is_stopping(exchange->server);
        if (size == 0 && is_over) {
            *ret_refusal = REFUSED_SLOW;
            return false;
        }
        done += (size_t)size;
    }
    return true;
}

/* Pieces grow with what has come, so that memory follows the bytes and not the announced length. */
static size_t next_piece(size_t done, size_t whole) {
    size_t piece = done < PIECE_FIRST ? PIECE_FIRST : done;
    piece = piece > PIECE_MAX ? PIECE_MAX : piece;
    return piece > whole - done ? whole - done : piece;
}

static bool read_pieces(struct http_exchange *exchange, size_t whole, struct refusal *ret_refusal) {
    uint64_t start_ms = clock_monotonic_ms();
    uint64_t whole_ms = start_ms + exchange->server->options.body_deadline_ms;
    bool complete = true;
    watch_begin(exchange->watch, exchange->connection, SHUT_RD, whole_ms);
    while (complete && exchange->body.size < whole) {
        size_t piece = next_piece(exchange->body.size, whole);
        uint64_t deadline_ms = deadline_for(exchange->body.size + piece, start_ms, whole_ms);
        complete = read_piece(exchange, piece, deadline_ms, ret_refusal);
    }
    bool cut = watch_end(exchange->watch);
    if (!complete && cut) {
        *ret_refusal = REFUSED_SLOW;
    }
    return complete;
}

bool exchange_read_body(struct http_exchange *exchange, struct refusal *ret_refusal) {
    struct http_request *request = &exchange->request;
    buffer_clear(&exchange->body);
    if (request->content_length > exchange->server->options.body_bytes_max) {
        *ret_refusal = REFUSED_TOO_LARGE;
        return false;
    }
    size_t whole = (size_t)request->content_length;
    if (exchange->sends_100 && !exchange_write(exchange, slice_of_string("HTTP/1.1 100 Continue\r\n\r\n"))) {
        *ret_refusal = GONE;
        return false;
    }
    if (whole > 0 && !read_pieces(exchange, whole, ret_refusal)) {
        return false;
    }
    counter_add(&exchange->counters.received, whole);
    request->body = buffer_slice(&exchange->body);
    return true;
}

bool exchange_write(struct http_exchange *exchange, struct slice bytes) {
    watch_begin(exchange->watch, exchange->connection, SHUT_RDWR,
                clock_monotonic_ms() + HTTP_RESPONSE_DEADLINE_MS);
    int written = mg_write(exchange->connection, bytes.data, bytes.size);
    bool cut = watch_end(exchange->watch);
    if (written > 0) {
        counter_add(&exchange->counters.sent, (uint64_t)written);
    }
    return !cut && written >= 0 && (size_t)written == bytes.size;
}
