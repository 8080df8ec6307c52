/*
 * The server: all rooms wired together. The only place that names implementations.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "config.h"

#include "aviary/api.h"
#include "aviary/broker.h"
#include "aviary/http.h"

#include <stdatomic.h>

struct server {
    const struct config *config;
    struct storage *storage;
    struct coordination *coordination;
    struct transport *transport;
    struct http_client *client;
    struct http_server *client_server;
    struct http_server *peer_server;
    struct broker *broker;
    struct api *api;
    atomic_bool serving; /* all of the above stands: handlers may use it */
    char rest_address[ADDRESS_SIZE_MAX];
    char peer_address[ADDRESS_SIZE_MAX];
};

/* Brings everything up. On failure `error` says what to do, and server_stop must still be called. */
enum status server_start(struct server *server, const struct config *config,
                         struct error *error) AVIARY_MUST_USE;
/* Orderly: in-flight requests are answered, leaderships handed over, everything closed. Takes a server half
 * up. */
void server_stop(struct server *server);

/* peer_calls.c: calls between brokers, over the peer port. */
struct broker_caller peer_caller(struct server *server);
/* True where the request was a call and has been answered. */
bool peer_call_handle(struct server *server, const struct http_request *request,
                      struct http_response *response);

/* metrics.c: what only the server can see. */
void server_append_metrics(void *server, struct buffer *out);

#endif
