/*
 * The shard: the node, its mailbox, and the turns in which mail is taken, time passes and everything is
 * flushed. One turn at a time, taken by whoever has something urgent: the thread that brings a peer's
 * messages, the storage's answers or a client's write takes it itself where nobody is in one, and wakes
 * nobody; the shard thread takes what is left, and ticks. See docs/adr/0018.
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
    struct mutex turn; /* held during a turn; guards the four below once the thread runs */
    struct node *node;
    bool runs;                /* false: turns do nothing, yet or any more */
    uint64_t now_ms;          /* of this turn. The node's time must never go back, so tasks take it from here
                                 and not from the clock. */
    uint64_t tick_ms;         /* when to tick next */
    atomic_bool writing;      /* the last turn left writes to the storage, whose answer brings another turn */
    _Atomic uint64_t beat_ms; /* of the last turn */
    _Atomic size_t backlog_bytes; /* node_backlog_bytes after it */
};

void shard_init(struct shard *shard, struct broker *broker, uint64_t bulk_bytes_max);
/* Takes the node over and starts the thread. */
enum status shard_start(struct shard *shard, struct node *node, struct error *error) AVIARY_MUST_USE;
/* Stops and joins; saves states and answers everybody first. What is asked afterwards is refused. */
void shard_stop(struct shard *shard);
void shard_finish(struct shard *shard);

/* Runs `pending->task` in a turn. False: no memory, mailbox full, not running or stopped; the shard's
 * reference is given back then. */
bool shard_run(struct shard *shard, struct broker_pending *pending);
/*
 * Takes turns for mail that was added, unless somebody is in one: then he takes it. Threads: any that holds
 * no lock of the broker's; the storage's writer, too.
 */
void shard_drive(struct shard *shard);
/* The same for a write, which is in no hurry while others are being stored: it goes with the next. */
void shard_drive_write(struct shard *shard);
/* The node's observer and completion functions, context: the broker. */
struct node_observer shard_observer(struct broker *broker);
void shard_persisted(void *context, uint64_t token, enum status status);

#endif
