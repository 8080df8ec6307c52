/*
 * api: the HTTP interface of a broker, docs/http-api.md. Routes, request and response forms, what a status
 * means in HTTP, and the way of a request to the broker that leads.
 *
 * Threads: both handlers run on the workers of their server, many at once.
 */
#ifndef AVIARY_API_H
#define AVIARY_API_H

#include "aviary/broker.h"
#include "aviary/http.h"

struct api;

/* Appends lines to /metrics that only their owner knows (storage, the HTTP server, the transport). */
struct api_metrics_source {
    void *context;
    /* Prometheus text, whole lines. Called on any worker, several at once. */
    void (*append)(void *context, struct buffer *out);
};

enum { API_METRICS_SOURCES_MAX = 8 };

struct api_options {
    struct broker *broker;        /* outlives the api */
    struct http_client *client;   /* the same; for the way to other brokers */
    uint32_t request_deadline_ms; /* 0: REQUEST_DEADLINE_MS */
    struct api_metrics_source metrics_sources[API_METRICS_SOURCES_MAX];
    size_t metrics_source_count;
};

/* The options are copied. NO_MEMORY; INVALID: too many sources. */
enum status api_create(const struct api_options *options, struct api **ret_api,
                       struct error *error) AVIARY_MUST_USE;
/* After the servers that call its handlers are gone. Takes NULL. */
void api_destroy(struct api *api);

/* The handler of the server for clients; `api` is its context. */
void api_handle(void *api, struct http_request *request, struct http_response *response);
/*
 * The handler of the server for brokers, for all that is not the transport's: requests that another broker
 * forwards (X-Aviary-Forwarded), which are answered here or refused, and never forwarded again.
 */
void api_handle_peer(void *api, struct http_request *request, struct http_response *response);

#endif
