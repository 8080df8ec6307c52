/*
 * The node, private to this room: groups, the storage batch being put together, and what waits for batches to
 * be durable.
 */
#ifndef REPLICA_NODE_PRIVATE_H
#define REPLICA_NODE_PRIVATE_H

#include "group.h"

/* Entries of one group in a batch: stepped as PERSISTED when it is durable. */
struct batch_mark {
    uint64_t group;
    uint64_t index;
    uint64_t term;
};

/* A batch submitted and not yet durable. */
struct batch_record {
    struct list node;
    uint64_t token;
    struct batch_mark *marks;
    size_t mark_count;
    size_t entry_bytes;
};

/* A message that leaves when the batch `token` is durable. */
struct held_message {
    struct list node;
    uint64_t token;
    struct raft_message message; /* without entries and data */
};

/* Entries in memory that cannot be dropped yet, of all groups. In bytes. */
struct backlog {
    size_t open;      /* in the open batch */
    size_t unsaved;   /* in the open batch or submitted, and not yet durable */
    size_t unapplied; /* proposed here in leaderships that last, and not yet applied */
};

struct node {
    struct node_options options; /* first_voters is not kept */
    uint64_t now_ms;
    struct metadata *first_metadata; /* between node_open and the opening of group 0, which takes it */
    struct group **groups;           /* ascending by id; groups[0] is the metadata group */
    size_t group_count;
    size_t group_capacity;
    struct raft_effects effects;
    struct buffer scratch; /* for encoding states */

    struct backlog backlog;

    struct storage_batch *batch; /* the open one; NULL: nothing to write yet */
    uint64_t next_token;         /* of the open batch */
    uint64_t done_token;         /* all batches up to this one are durable */
    struct list records;
    size_t record_count;
    struct list held;
    struct list dirty;

    uint64_t membership_due_ms;
    raft_id gone[BROKERS_MAX]; /* node_set_gone */
    size_t gone_count;
    size_t majorities_lost;      /* groups, as told last */
    uint64_t metadata_recovered; /* group 0's commit index at start: no replica is made from an older state */
    bool assignments_changed;    /* replicas must be compared with the metadata */
    bool failed;
};

static inline struct group *node_metadata_group(const struct node *node) {
    return node->groups[0];
}

/* backlog.c */
/* The disk here is so far behind that memory takes no more entries. */
bool backlog_is_unsaved(const struct node *node);
/* The same, or followers are so far behind: no more proposals. */
bool backlog_is_full(const struct node *node);
void backlog_appended(struct node *node, const struct blob *entry);
/* What the open batch holds from now on belongs to `record`. */
void backlog_submitted(struct node *node, struct batch_record *record);
void backlog_saved(struct node *node, const struct batch_record *record);
/* By this leader, in its term; and the same entry again when it is applied. */
void backlog_proposed(struct group *group, const struct blob *entry);
void backlog_applied(struct group *group, const struct entry_header *header, const struct blob *entry);
/* The leadership is over, or the group is: what becomes of its proposals counts no more. */
void backlog_forget(struct group *group);

/* NULL: not here. */
struct group *node_find(const struct node *node, uint64_t id);
/* Takes the group over. NO_MEMORY: it is not taken. */
enum status node_add(struct node *node, struct group *group) AVIARY_MUST_USE;
/* The process must end: nothing is sent or written any more. */
void node_fail(struct node *node, uint64_t group, enum status status, const char *what);

/* batch.c */
/* The open batch, made when first asked for; NULL after a failure, which has then been told. */
struct storage_batch *node_batch(struct node *node);
/* Sends now, or when all that was written so far is durable. */
void node_send(struct node *node, enum raft_send when, const struct raft_message *message);
void node_submit(struct node *node);

/* assign.c */
/* Makes and removes replicas as the metadata says. */
void node_apply_assignments(struct node *node);
/*
 * Only for a group that the applied metadata does not have any more. What says so is stored along: a broker
 * that forgot the deletion would make the replica again at its next start, empty, without its votes.
 */
void node_remove_group(struct node *node, uint64_t id);

/* majority.c */
/* Which groups can never have a leader again; logs when that changes. */
void node_judge_majorities(struct node *node);

/* membership.c */
/* At leaders: the next configuration on the way to what the metadata wants. */
void node_reconcile_members(struct node *node);

#endif
