/*
 * The shard thread: owns the node, takes mail, ticks, flushes. And the node's observer, which tells the rest
 * of the broker.
 */
#ifndef BROKER_SHARD_H
#define BROKER_SHARD_H

#include "mailbox.h"
#include "pending.h"
#include "view.h"

struct broker;

enum { SHARD_TICK_MS = 10 };

struct shard {
    struct broker *broker;
    struct mailbox mailbox;
    struct thread thread;
    atomic_bool stopping;
    struct node *node;        /* shard thread only, once it runs */
    uint64_t now_ms;          /* of this turn; shard thread only. The node's time must never go back, so tasks
                                 take it from here and not from the clock. */
    _Atomic uint64_t beat_ms; /* when the loop came round last */
};

void shard_init(struct shard *shard, struct broker *broker, uint64_t bulk_bytes_max);
/* Takes the node over and starts the thread. */
enum status shard_start(struct shard *shard, struct node *node, struct error *error) AVIARY_MUST_USE;
/* Stops and joins; saves states and answers everybody first. What is asked afterwards is refused. */
void shard_stop(struct shard *shard);
void shard_finish(struct shard *shard);

/* Runs `pending->task` on the shard thread. False: no memory, mailbox full, not running or stopped; the
 * shard's reference is given back then. */
bool shard_run(struct shard *shard, struct broker_pending *pending);
/* The node's observer and completion functions, context: the broker. */
struct node_observer shard_observer(struct broker *broker);
void shard_persisted(void *context, uint64_t token, enum status status);

#endif
