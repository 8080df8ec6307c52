/* The server's own state. Written before its threads start and constant then, but for the atomics. */
#ifndef AVIARY_HTTP_SERVER_PRIVATE_H
#define AVIARY_HTTP_SERVER_PRIVATE_H

#include "aviary/http/server.h"
#include "budget.h"
#include "exchange.h"

struct mg_context;

struct http_server {
    struct http_server_options options; /* with the defaults filled in; `listen` is not kept */
    http_handler handler;
    void *context;
    uint16_t port;
    struct mg_context *civetweb;
    int listener;   /* a duplicate of the listening socket, to shut it down with */
    int stop_event; /* an eventfd that becomes readable, and stays so, when the server stops */
    atomic_bool stopping;
    atomic_uint connections;
    struct budget bodies;    /* of large ones, as much of them as has come */
    struct budget responses; /* of large ones, until the client has taken them */
    unsigned worker_count;
    atomic_uint workers_started;
    atomic_bool accepts; /* civetweb's accepting thread has begun, so mg_stop can end it and the workers */
    struct http_exchange *exchanges; /* worker_count; each its worker's */
    struct watch *watches;           /* worker_count; each its worker's and the watcher's */
    struct watcher watcher;
    struct mutex mutex;
    struct condition idle; /* a worker is no longer busy; signalled only while stopping */
};

/*
 * Starts civetweb on `address` with everything it must be told, and waits for its threads. UNAVAILABLE, with
 * the reason; where server->civetweb is set nevertheless, its workers run on and the server must stay.
 */
enum status server_start_civetweb(struct http_server *server, const struct sockaddr_in *address,
                                  struct error *error) AVIARY_MUST_USE;
/* An exchange is no longer busy: wakes the one who waits for that. */
void server_tell_idle(struct http_server *server);

#endif
