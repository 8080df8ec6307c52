/* The request target: path segments and query parameters, split first and decoded after. */
#ifndef AVIARY_HTTP_TARGET_H
#define AVIARY_HTTP_TARGET_H

#include "aviary/http/request.h"
#include "refusal.h"

/* Room for decoded text; one a worker thread. Zero it to begin with. */
struct target_scratch {
    uint8_t *data; /* HTTP_HEAD_BYTES_MAX bytes, allocated when an escape is first met */
    size_t size;
};

void target_scratch_finish(struct target_scratch *scratch);

/*
 * Fills segments and parameters of `request` from its raw path and raw query; they point into those or into
 * `scratch`, which forgets what it held. False where the target is refused.
 */
bool target_decode(struct http_request *request, struct target_scratch *scratch, struct refusal *ret_refusal);

#endif
