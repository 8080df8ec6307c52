/*
 * An exchange: one request and its response. Each worker thread has one and uses it again and again; only
 * that thread touches it, but for its counters and `busy`.
 */
#ifndef AVIARY_HTTP_EXCHANGE_H
#define AVIARY_HTTP_EXCHANGE_H

#include "aviary/http/server.h"
#include "response.h"
#include "target.h"
#include "watch.h"

#include <stdatomic.h>

struct mg_connection;

/* Written by one thread, read by any. */
struct exchange_counters {
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t surplus;
    atomic_uint_fast64_t received;
    atomic_uint_fast64_t sent;
};

struct http_exchange {
    struct http_server *server; /* NULL before exchange_init */
    struct watch *watch;
    struct mg_connection *connection; /* while a connection is served */
    struct http_request request;
    struct http_response response;
    struct buffer body;
    size_t body_reserved; /* bytes taken from the server's budget of bodies */
    struct target_scratch scratch;
    bool is_surplus;   /* the connection came above the limit */
    bool is_answered;  /* civetweb's own error was answered in our form */
    bool wants_alive;  /* what the client asked for */
    bool sends_100;    /* the client waits for "100 Continue" before its body */
    int stream_socket; /* -1 unless a stream was accepted */
    uint64_t stream_remaining;
    atomic_bool busy; /* a handler runs or its response is being sent */
    struct exchange_counters counters;
};

/* Only the thread that owns the counter. */
static inline void counter_add(atomic_uint_fast64_t *counter, uint64_t more) {
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + more, memory_order_relaxed);
}

/* Once, on the worker's first connection. */
void exchange_init(struct http_exchange *exchange, struct http_server *server, struct watch *watch);
/* Frees what it holds. */
void exchange_finish(struct http_exchange *exchange);

/* civetweb's callbacks: a connection begins, a whole head was read, civetweb refuses a head, a connection
 * ends. */
void exchange_open(struct http_exchange *exchange, struct mg_connection *connection);
int exchange_run(struct http_exchange *exchange, struct mg_connection *connection);
void exchange_refused(struct http_exchange *exchange, struct mg_connection *connection, int status);
void exchange_close(struct http_exchange *exchange, struct mg_connection *connection);

/* Both ends of a connection of civetweb's; false where it has no request yet. */
bool exchange_ends(const void *connection, struct socket_ends *ret_ends);

/*
 * Reads the whole body into `exchange->request.body`. False: refused, or, with an error_code of 0, gone
 * without a peer to answer.
 */
bool exchange_read_body(struct http_exchange *exchange, struct refusal *ret_refusal);
void exchange_release_body(struct http_exchange *exchange);
/* Writes `bytes` within HTTP_RESPONSE_DEADLINE_MS; false where the connection is of no more use. */
bool exchange_write(struct http_exchange *exchange, struct slice bytes);

#endif
