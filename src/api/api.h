/* What all requests of one api share. */
#ifndef API_API_H
#define API_API_H

#include "aviary/api.h"
#include "aviary/base/thread.h"

#include "latency.h"
#include "peers.h"
#include "places.h"

#include <stdatomic.h>

struct api {
    struct broker *broker;
    struct http_client *client;
    uint32_t broker_id;
    char rest_address[ADDRESS_SIZE_MAX]; /* as others reach this broker */
    uint32_t request_deadline_ms;
    struct api_metrics_source metrics_sources[API_METRICS_SOURCES_MAX];
    size_t metrics_source_count;
    atomic_uint next_partition; /* of records without key, partition and idempotency key */
    atomic_uint long_polls;     /* waiting now, at most LONG_POLLS_MAX */
    struct mutex pause_mutex;   /* never held for long: waits between two tries stand on it */
    struct condition pause;     /* never signalled */
    struct places places;       /* READ_PLACES_MAX: to read or unpack records */
    struct places
        large_places; /* READ_PLACES_LARGE_MAX: the same, so that small reads need not wait for large */
    struct peers peers;
    struct latency latency;
};

#endif
