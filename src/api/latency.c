#include "latency.h"

#include "aviary/base/assert.h"

#include <inttypes.h>
#include <stdio.h>

static const uint32_t bounds_us[LATENCY_BUCKETS] = {100,   250,   500,    1000,   2500,    5000,    10000,
                                                    25000, 50000, 100000, 250000, 1000000, 2500000, 5000000};

/* The last slot stands for every other status. */
static const unsigned statuses[LATENCY_STATUSES - 1] = {
    200, 201, 202, 204, 207, 304, 307, 400, 403, 404, 405, 406,
    409, 412, 413, 415, 416, 422, 429, 500, 502, 503, 504,
};

static size_t status_slot(unsigned http_status) {
    size_t slot = 0;
    while (slot < LATENCY_STATUSES - 1 && statuses[slot] != http_status) {
        slot++;
    }
    return slot;
}

void latency_record(struct latency *latency, size_t route, unsigned http_status, uint64_t us) {
    ASSERT(route <= LATENCY_ROUTES_MAX);
    struct latency_series *series = &latency->series[route][status_slot(http_status)];
    size_t bucket = 0;
    while (bucket < LATENCY_BUCKETS && us > bounds_us[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->us_total, us, memory_order_relaxed);
}

static uint64_t count_of(struct latency_series *series) {
    uint64_t count = 0;
    for (size_t i = 0; i <= LATENCY_BUCKETS; i++) {
        count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
    }
    return count;
}

static void append_series(struct latency_series *series, const char *route, size_t slot, struct buffer *out) {
    static const char name[] = "aviary_http_request_duration_seconds";
    char labels[160];
    if (slot < LATENCY_STATUSES - 1) {
        snprintf(labels, sizeof labels, "route=\"%s\",status=\"%u\"", route, statuses[slot]);
    } else {
        snprintf(labels, sizeof labels, "route=\"%s\",status=\"other\"", route);
    }
    uint64_t cumulated = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        cumulated += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        buffer_append_format(out, "%s_bucket{%s,le=\"%g\"} %" PRIu64 "\n", name, labels, bounds_us[i] / 1e6,
                             cumulated);
    }
    cumulated += atomic_load_explicit(&series->buckets[LATENCY_BUCKETS], memory_order_relaxed);
    buffer_append_format(out, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, labels, cumulated);
    uint64_t us_total = atomic_load_explicit(&series->us_total, memory_order_relaxed);
    buffer_append_format(out, "%s_sum{%s} %.6f\n", name, labels, (double)us_total / 1e6);
    buffer_append_format(out, "%s_count{%s} %" PRIu64 "\n", name, labels, cumulated);
}

void latency_append(struct latency *latency, const char *(*label)(size_t route), struct buffer *out) {
    buffer_append_string(out,
                         "# HELP aviary_http_request_duration_seconds Time from a request to its reply.\n"
                         "# TYPE aviary_http_request_duration_seconds histogram\n");
    for (size_t route = 0; route <= LATENCY_ROUTES_MAX; route++) {
        for (size_t slot = 0; slot < LATENCY_STATUSES; slot++) {
            struct latency_series *series = &latency->series[route][slot];
            if (count_of(series) > 0) {
                append_series(series, label(route), slot, out);
            }
        }
    }
}
