/*
 * One group's replica, private to this room. All of it belongs to the node's thread.
 *
 * Which file does what: open.c recovers it from storage; step.c feeds the Raft core and carries out its
 * effects; propose.c takes writes; apply.c applies what is committed; send.c pulls entries for followers;
 * snapshot_send.c and snapshot_install.c move whole states; compact.c saves states and moves the log's start.
 */
#ifndef REPLICA_GROUP_H
#define REPLICA_GROUP_H

#include "machine.h"
#include "tail.h"
#include "waiters.h"

#include "aviary/replica.h"

enum { TRANSFERS_MAX = RAFT_MEMBERS_MAX, GROUP_READS_MAX = 1024 };

/* A snapshot on its way to a follower, one chunk at a time. */
struct snapshot_transfer {
    raft_id peer; /* 0: the slot is free */
    uint64_t index;
    uint64_t term;
    struct raft_configuration configuration;
    struct blob *data;
    uint64_t offset;  /* of the chunk under way */
    uint64_t sent_ms; /* when it was sent last */
    uint32_t tries;
};

/* A snapshot on its way here. */
struct snapshot_arrival {
    raft_id from;
    uint64_t term; /* the sender's; a new one starts again */
    uint64_t index;
    uint64_t log_term;
    uint64_t total;
    struct buffer data;
};

/* A read index request without an answer. */
struct group_read {
    uint64_t context;
    uint64_t index; /* to be applied before it is answered; UINT64_MAX: Raft has not confirmed it yet */
};

struct group {
    struct node *node;
    uint64_t id;
    struct raft *raft;
    struct machine machine;
    struct tail tail;
    struct waiters waiters;

    uint64_t base_index; /* of the log in storage */
    uint64_t base_term;
    uint64_t stored_last; /* the last index handed to storage */
    uint64_t persisted;   /* the last index that storage said is durable */
    uint64_t commit_hint; /* as stored last */
    uint64_t hint_due_ms; /* when a moved commit is stored although nothing else is; 0: nothing to store */

    uint64_t checkpoint_index; /* applied index of the saved state */
    uint64_t checkpoint_size;
    uint64_t bytes_since_checkpoint;
    size_t unapplied_bytes; /* its part of the node's backlog */

    struct snapshot_transfer transfers[TRANSFERS_MAX];
    struct snapshot_arrival arrival;
    struct machine *arriving; /* restored and checked, while the core decides whether to install */

    struct group_read *reads;
    size_t read_count;
    size_t read_capacity;

    bool dirty;        /* in node->dirty: flush has something to do */
    bool marked;       /* entries in the open batch */
    bool status_dirty; /* observer.status is due */
    bool majority_lost;
    bool was_ready;
    bool was_leader;
    struct list dirty_node;
};

/* open.c */
/* Recovers the group from storage, or makes it new with `first` as its configuration at index 0 (no members:
   it must be in storage, CORRUPT otherwise). */
enum status group_open(struct node *node, uint64_t id, const struct raft_configuration *first,
                       struct group **ret_group, struct error *error) AVIARY_MUST_USE;
void group_destroy(struct group *group);
/* The header of an entry of the log, from the tail or from storage. */
enum status group_read_header(const struct group *group, uint64_t index,
                              struct entry_header *ret_header) AVIARY_MUST_USE;

/*
 * What an entry at `index`, behind all others, that holds no records says of its place: the next offset and
 * the newest time, by the entry before it. That one may not be applied yet, where a new leader begins its
 * term; searches by offset and snapshots rely on it all the same. Group 0 has none: zeroes.
 */
enum status group_read_position(const struct group *group, uint64_t index, int64_t *ret_offset,
                                int64_t *ret_time_ms) AVIARY_MUST_USE;

/* step.c */
/* Feeds one event and carries out its effects up to the open batch. OK, or why the core did nothing. */
enum status group_step(struct group *group, struct raft_event *event);
/* Writes hard state (with commit hint) to the open batch. */
void group_store_hard(struct group *group);
void group_store_configurations(struct group *group);
bool group_is_ready(const struct group *group);
/* It holds nothing, and what it began with does not name it: it came later than the group. */
bool group_is_blank(const struct group *group);
void group_mark_dirty(struct group *group);
/* Answers every waiter `status`. */
void group_fail_waiters(struct group *group, enum status status);
/* The same for read index requests. */
void group_fail_reads(struct group *group, enum status status);
void group_status_fill(const struct group *group, struct node_status *ret_status);

/* propose.c */
void group_propose(struct group *group, int64_t wall_ms, const struct node_proposal *proposal);

/* apply.c */
/* Applies committed entries, a bounded number. True where more are left. */
bool group_apply(struct group *group);
/* Answers acks=1 waiters up to what is persisted. */
void group_answer_persisted(struct group *group);
/* Asks for a read index. OK: it is or will be answered by observer.read_ready; otherwise it is not. */
enum status group_begin_read(struct group *group, uint64_t context) AVIARY_MUST_USE;
/* Raft's word on one that was begun. */
void group_confirm_read(struct group *group, const struct raft_read *read);

/* send.c */
void group_send_appends(struct group *group);

/* snapshot_send.c */
void transfer_start(struct group *group, raft_id peer);
void transfer_response(struct group *group, const struct raft_message *message);
void transfer_tick(struct group *group);
void transfer_finish_all(struct group *group);

/* snapshot_install.c */
void arrival_receive(struct group *group, const struct raft_message *message);
/* Effects said install: the arriving machine takes the old one's place, in the open batch and in memory. */
void arrival_install(struct group *group, const struct raft_message *message);
void arrival_finish(struct group *group);

/* compact.c */
/*
 * The configuration to go with a state at the committed `index`: the one in force there, or, where only newer
 * ones are kept (the state machine runs behind the commit index), the oldest of those. It is committed too,
 * and whoever takes the state reads on from there, to where it comes from.
 */
const struct raft_configuration *group_configuration_for(const struct group *group, uint64_t index);
/* Saves the applied state to the open batch. False: the node has failed, and nothing may count on it. */
bool checkpoint_save(struct group *group);
/* The same where enough was applied since the last time; moves group 0's log start behind it. */
void checkpoint_maybe(struct group *group);
/* Moves the log start after a LOG_START entry was applied. */
void compact_to_log_start(struct group *group);

#endif
