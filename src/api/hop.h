/*
 * A hop: one request to another broker's peer port. The far side sees X-Aviary-Forwarded (who asks) and
 * X-Aviary-Timeout-Ms (how long we wait), and sends it on to nobody.
 */
#ifndef API_HOP_H
#define API_HOP_H

#include "call.h"

enum { HOP_HEADERS_MAX = 40 };

/* In the caller's memory, zeroed but for what it sets. Borrowed until hop_perform has returned. */
struct hop {
    enum http_method method;
    const char *peer_address; /* "host:port" */
    struct slice path;        /* escaped */
    struct slice query;       /* escaped, without '?' */
    struct http_pair headers[HOP_HEADERS_MAX];
    size_t header_count;
    struct slice body;
    uint64_t deadline_ms;             /* monotonic; the far side is told a little less */
    const struct broker_route *route; /* to the leader: waits no longer once another one leads. NULL: waits */
    bool resend_allowed;              /* may arrive twice */
    size_t answer_bytes_max;
};

/* Both borrowed. A header more than HOP_HEADERS_MAX is a programmer's error. */
void hop_header(struct hop *hop, const char *name, struct slice value);
/* As http_client_perform; finish `ret_answer` in any case. TIMEOUT where the deadline is over. */
enum status hop_perform(struct api *api, const struct hop *hop, struct http_client_response *ret_answer,
                        struct error *error) AVIARY_MUST_USE;

/* Until when, within the call, one attempt at that leader may last, which itself may wait for `wait_ms`; what
 * is hearsay is asked about sooner. */
uint64_t hop_attempt_end_ms(const struct call *call, const struct broker_route *route, uint64_t wait_ms);

/* A header of the answer that is a number; 0 without it. */
uint64_t hop_answer_number(const struct http_client_response *answer, const char *name);

#define _cleanup_hop_answer_ __attribute__((cleanup(http_client_response_finish)))

#endif
