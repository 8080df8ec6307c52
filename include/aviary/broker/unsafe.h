/*
 * Unsafe recovery of a stopped broker's disk: `aviaryd --recover-unsafe`. See docs/adr/0017.
 */
#ifndef AVIARY_BROKER_UNSAFE_H
#define AVIARY_BROKER_UNSAFE_H

#include "aviary/storage.h"

#include <stdio.h>

struct broker_unsafe_request {
    struct storage *storage; /* nothing else uses it meanwhile */
    uint32_t id;             /* the broker's */
    const uint64_t *groups;  /* ascending */
    size_t group_count;      /* 0: all of which something is here */
    bool apply;              /* false: only tell what would be done */
    FILE *out;               /* is told about each group, for people */
};

/*
 * Makes this disk alone the voter of the groups, in one write: all of them or, after a crash, none. A
 * partition of which nothing is here begins again, empty, at an offset above all that it gave; only where it
 * is named. NOT_FOUND, INVALID, CONFLICT (another disk has taken the broker's place): nothing was changed.
 * CORRUPT, IO, NO_MEMORY. `error` says what to do. Blocks until the write is durable.
 */
enum status broker_recover_unsafe(const struct broker_unsafe_request *request,
                                  struct error *error) AVIARY_MUST_USE;

#endif
