/*
 * How long requests took, by route and HTTP status: counters of fixed size, so that nobody can make them
 * grow.
 *
 * Threads: any; every counter is an atomic of its own.
 */
#ifndef API_LATENCY_H
#define API_LATENCY_H

#include "aviary/base/buffer.h"

#include <stdatomic.h>

enum { LATENCY_ROUTES_MAX = 64, LATENCY_STATUSES = 24, LATENCY_BUCKETS = 14 };

struct latency_series {
    atomic_uint_least64_t buckets[LATENCY_BUCKETS + 1]; /* not cumulated; the last: above all bounds */
    atomic_uint_least64_t us_total;
};

/* One row a route, and one more for requests that fit none. */
struct latency {
    struct latency_series series[LATENCY_ROUTES_MAX + 1][LATENCY_STATUSES];
};

/* `route` at most LATENCY_ROUTES_MAX. */
void latency_record(struct latency *latency, size_t route, unsigned http_status, uint64_t us);
/* The series that have a request, as aviary_http_request_duration_seconds; `label` names a row's route. */
void latency_append(struct latency *latency, const char *(*label)(size_t route), struct buffer *out);

#endif
