#include "api.h"

#include "aviary/base/clock.h"

#include <stdlib.h>

#include "origin.h"
#include "route.h"
#include "text.h"

enum status api_create(const struct api_options *options, struct api **ret_api, struct error *error) {
    ASSERT(api_route_count <= LATENCY_ROUTES_MAX);
    if (options->metrics_source_count > API_METRICS_SOURCES_MAX) {
        return error_set(error, STATUS_INVALID, "at most %d sources of metrics", API_METRICS_SOURCES_MAX);
    }
    struct api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for the API");
    }
    struct broker_identity identity;
    broker_identity(options->broker, &identity);
    api->broker = options->broker;
    api->client = options->client;
    api->broker_id = identity.id;
    memcpy(api->rest_address, identity.rest_address, sizeof api->rest_address);
    api->request_deadline_ms =
        options->request_deadline_ms ? options->request_deadline_ms : REQUEST_DEADLINE_MS;
    memcpy(api->metrics_sources, options->metrics_sources, sizeof api->metrics_sources);
    api->metrics_source_count = options->metrics_source_count;
    mutex_init(&api->pause_mutex);
    condition_init(&api->pause);
    places_init(&api->places, READ_PLACES_MAX);
    places_init(&api->large_places, READ_PLACES_LARGE_MAX);
    peers_init(&api->peers);
    *ret_api = api;
    return STATUS_OK;
}

void api_destroy(struct api *api) {
    if (api == NULL) {
        return;
    }
    peers_finish(&api->peers);
    places_finish(&api->large_places);
    places_finish(&api->places);
    condition_finish(&api->pause);
    mutex_finish(&api->pause_mutex);
    free(api);
}

static void refuse_route(struct call *call, route_methods methods) {
    if (methods == 0) {
        call_fail(call, ERROR_NO_ROUTE, "there is nothing at this path; see docs/http-api.md");
        return;
    }
    _cleanup_buffer_ struct buffer allow;
    buffer_init(&allow, 128);
    route_format_methods(methods, &allow);
    buffer_append_u8(&allow, 0);
    if (buffer_status(&allow) != STATUS_OK) {
        call_fail(call, ERROR_INTERNAL, "no memory for the answer");
        return;
    }
    call_fail(call, ERROR_METHOD, "this path takes %s", (const char *)allow.data);
    http_response_header(call->response, "Allow", (const char *)allow.data);
}

/* Another broker says how long it will wait for our answer. */
static void take_peer_deadline(struct call *call, uint64_t start_ms) {
    const struct slice *text = call_peer_header(call, "X-Aviary-Timeout-Ms");
    uint64_t timeout_ms;
    if (text && text_to_u64(*text, REQUEST_DEADLINE_MS + LONG_POLL_MS_MAX, &timeout_ms)) {
        call->deadline_ms = start_ms + timeout_ms;
    }
}

/* The position of the route that answered, for the latencies. */
static size_t answer(struct call *call) {
    route_methods methods;
    size_t position = route_find(api_routes, api_route_count, call->request, call->parameters,
                                 &call->parameter_count, &methods);
    const char *refusal = origin_refusal(call->request, call->api->rest_address);
    if (call->forwarded && http_request_header(call->request, "X-Aviary-Forwarded") == NULL) {
        call_fail(call, ERROR_PEERS_ONLY, "this port is for brokers; clients use the other one");
    } else if (refusal) {
        call_fail(call, ERROR_ORIGIN, "%s", refusal);
    } else if (position == ROUTE_NONE) {
        refuse_route(call, methods);
    } else {
        api_routes[position].handle(call);
    }
    return position == ROUTE_NONE ? LATENCY_ROUTES_MAX : position;
}

static void serve(struct api *api, struct http_request *request, struct http_response *response,
                  bool forwarded) {
    uint64_t start_us = clock_monotonic_us();
    struct call call = {
        .api = api,
        .request = request,
        .response = response,
        .deadline_ms = start_us / 1000 + api->request_deadline_ms,
        .forwarded = forwarded,
        .served_by = api->broker_id,
    };
    take_peer_deadline(&call, start_us / 1000);
    size_t route = answer(&call);
    call_finish(&call);
    latency_record(&api->latency, route, http_response_status(response), clock_monotonic_us() - start_us);
}

void api_handle(void *api, struct http_request *request, struct http_response *response) {
    serve(api, request, response, false);
}

void api_handle_peer(void *api, struct http_request *request, struct http_response *response) {
    serve(api, request, response, true);
}
