/* One GET to many brokers at once. */
#ifndef API_FANOUT_H
#define API_FANOUT_H

#include "hop.h"

struct fanout_target {
    uint32_t broker;
    char peer_address[ADDRESS_SIZE_MAX];
    /* The answer. Finish it in any case; fanout_finish does so for all. */
    enum status status; /* as hop_perform's */
    struct http_client_response answer;
};

/*
 * Asks all of them for `path` and `query` (escaped), by at most FANOUT_THREADS_MAX threads of its own, and
 * returns when all have answered or failed, soon after `deadline_ms` (monotonic) at the latest.
 */
void fanout_get(struct api *api, const char *path, const char *query, struct fanout_target *targets,
                size_t count, size_t answer_bytes_max, uint64_t deadline_ms);
void fanout_finish(struct fanout_target *targets, size_t count);

#endif
