/*
 * coordination over ZooKeeper 3.8.
 *
 * One thread of the room owns the session and everything that follows from it; it only ever uses the client's
 * asynchronous calls. The client's own threads hand copies of what they got to that thread.
 */
#ifndef AVIARY_COORDINATION_ZOOKEEPER_H
#define AVIARY_COORDINATION_ZOOKEEPER_H

#include "aviary/coordination.h"

struct coordination_zookeeper_config {
    /* "host:port,host:port/aviary": the path is a prefix that is created, and /aviary where it is left out.
     */
    const char *connect;
    /* Asked for; the ensemble grants at least two of its ticks. 0: COORDINATION_SESSION_TIMEOUT_MS. */
    uint32_t session_timeout_ms;
};

/* Connects to nothing yet. INVALID where `connect` is malformed or the timeout out of its bounds, NO_MEMORY.
 */
enum status coordination_zookeeper_create(const struct coordination_zookeeper_config *config,
                                          struct error *error,
                                          struct coordination **ret_coordination) AVIARY_MUST_USE;

#endif
