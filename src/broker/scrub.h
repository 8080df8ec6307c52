/*
 * The scrub: a thread of the lowest priority that reads all that this broker has stored, slowly, again and
 * again; and what becomes of the broker where something of it is damaged, whoever found it.
 *
 * Damage is repaired as a lost disk is: the broker gives its disk up, ends, and comes back as a new
 * incarnation that takes everything from the others. It does so only while every group keeps a majority of
 * its voters without it, and each of these answers that its own disk is whole; until then it serves on what
 * can be read.
 */
#ifndef BROKER_SCRUB_H
#define BROKER_SCRUB_H

#include "aviary/base/thread.h"
#include "aviary/broker.h"

#include <stdatomic.h>

struct broker;

struct scrub {
    struct thread thread;
    struct mutex mutex; /* guards what follows, but for the atomics */
    struct condition woken;
    bool stopping;
    bool node_failed; /* it met damage that it cannot go on with: the process must end, one way or another */
    char what[224];   /* the first damage that was met */
    uint64_t settle_ms; /* the thread's own, as the next two */
    uint64_t told_ms;
    uint64_t unpaid_bytes; /* read, and not slept off yet */
    _Atomic bool damaged;  /* `what` says more; for good */
    _Atomic uint64_t bytes;
    _Atomic uint64_t passes; /* ended */
    _Atomic uint64_t damages;
};

void scrub_init(struct scrub *scrub);
void scrub_finish(struct scrub *scrub);
enum status scrub_start(struct broker *broker, struct error *error) AVIARY_MUST_USE;
void scrub_stop(struct broker *broker);
/* Waits until woken or `deadline_ms`; false where the thread shall end. */
bool scrub_wait(struct scrub *scrub, uint64_t deadline_ms);

/* damage.c */
/* Stored data of a group cannot be read. Any thread. */
void damage_found(struct broker *broker, uint64_t group, const char *what, enum status status);
/* The same, and the node cannot go on: broker_fail follows. Any thread; does not wait. */
void damage_failed(struct broker *broker, uint64_t group, const char *what, enum status status);
/* The node cannot even be opened: decides, and calls broker_fail. May take seconds. */
void damage_at_start(struct broker *broker, const char *reason);
/* With damage known, and every few seconds: gives the disk up where that is safe, or says why not. Scrub's
 * thread; may take seconds. */
void damage_settle(struct broker *broker);
/* Whether a failed read means that what is stored is damaged. */
static inline bool damage_is(enum status status) {
    return status == STATUS_CORRUPT || status == STATUS_IO;
}

#endif
