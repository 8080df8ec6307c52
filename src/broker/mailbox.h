/*
 * The shard's mailbox: many threads post, whoever has the turn takes. Bounded in bytes (of entries, snapshot
 * chunks and batches) and in items; only the storage's answers are always taken in, as there are never more
 * of them than turns have asked for.
 *
 * What carries records waits in a queue of its own, in its order. Of it a turn takes as much as it may, so
 * that a flood of writes delays neither heartbeats nor the next tick.
 */
#ifndef BROKER_MAILBOX_H
#define BROKER_MAILBOX_H

#include "aviary/base/thread.h"
#include "aviary/replica.h"

struct broker_pending;
struct shard;

enum mail_type {
    MAIL_MESSAGE,     /* from a peer */
    MAIL_PEER_CLOSED, /* a peer's streams closed */
    MAIL_PERSISTED,   /* from the storage */
    MAIL_PROPOSAL,    /* a write; answered through its context, a broker_pending */
    MAIL_TASK,        /* `pending->task` runs in the turn */
};

struct mail {
    struct mail *next;
    enum mail_type type;
    struct raft_message message;    /* MESSAGE: owned */
    raft_id peer;                   /* PEER_CLOSED */
    uint64_t token;                 /* PERSISTED */
    enum status status;             /* PERSISTED */
    struct node_proposal proposal;  /* PROPOSAL: blob owned */
    struct broker_pending *pending; /* PROPOSAL and TASK: one reference */
};

struct mail_queue {
    struct mail *first;
    struct mail *last;
    uint64_t count;
};

struct mailbox {
    struct mutex mutex;
    struct condition filled;
    struct mail_queue prompt; /* guarded by mutex, like all below */
    struct mail_queue bulk;   /* proposals, appends and snapshots */
    uint64_t bulk_bytes;      /* of messages' entries and data and of proposals waiting */
    uint64_t bulk_bytes_max;
    uint64_t dropped_total; /* refused for want of room */
    bool waiting;           /* a thread is in mailbox_wait */
    bool woken;             /* since the last mailbox_wait */
    bool closed;
};

void mailbox_init(struct mailbox *mailbox, uint64_t bulk_bytes_max);
/* Frees what is left, with all it owns. Nobody may have posted a proposal or a task since the last take. */
void mailbox_finish(struct mailbox *mailbox);
/* NULL: no memory. Zeroed but for its type. */
struct mail *mail_create(enum mail_type type);
/* Frees a mail and what it owns, but for the reference of `pending`. */
void mail_destroy(struct mail *mail);
/* Takes the mail over on success only, and wakes who waits. FULL, CLOSED; never for PERSISTED. */
enum status mailbox_post(struct mailbox *mailbox, struct mail *mail) AVIARY_MUST_USE;
/* The same, but wakes nobody: the caller sees to it that somebody takes it soon. */
enum status mailbox_add(struct mailbox *mailbox, struct mail *mail) AVIARY_MUST_USE;
/* Ends the mailbox_wait under way, or the next one. */
void mailbox_wake(struct mailbox *mailbox);
/* Returns once there is something, or somebody woke it, or at `deadline_ms`. One thread. */
void mailbox_wait(struct mailbox *mailbox, uint64_t deadline_ms);
uint64_t mailbox_items(struct mailbox *mailbox);
/* Nothing but PERSISTED is taken from now on. */
void mailbox_close(struct mailbox *mailbox);
/*
 * All that is prompt, and then what is bulk until that is `bulk_bytes_max` or more, each oldest first; NULL:
 * nothing. Never waits.
 */
struct mail *mailbox_take(struct mailbox *mailbox, uint64_t bulk_bytes_max);

#endif
