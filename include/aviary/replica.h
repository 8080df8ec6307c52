/*
 * replica: drives the Raft groups of one broker, step by step, without a thread of its own.
 *
 * A `node` holds this broker's replica of the metadata group (group 0) and of every partition whose
 * assignment names the broker's incarnation; applying group 0 makes and removes replicas. One function,
 * node_flush, owns the order persist -> send -> apply. The same code runs in the broker's shard and in
 * the simulator.
 *
 * How to drive it: call inputs (tick, receive, propose, ...) as they come, then node_flush once: it submits
 * one storage batch for all groups, pulls entries for followers, applies what is committed and flushes the
 * transport. When the storage reports a batch done, pass it to node_persisted and flush again. While
 * node_has_work is true flush again without waiting.
 *
 * Threads: all functions from one thread. The observer is called on that thread, from inside these functions;
 * it must not call back into the node.
 */
#ifndef AVIARY_REPLICA_H
#define AVIARY_REPLICA_H

#include "aviary/metadata.h"
#include "aviary/partition.h"
#include "aviary/raft.h"
#include "aviary/storage.h"
#include "aviary/transport.h"

struct node;

#define METADATA_GROUP UINT64_C(0)

enum node_acks {
    NODE_ACKS_NONE,   /* answered when the leader has taken it */
    NODE_ACKS_LEADER, /* answered when it is on the leader's disk */
    NODE_ACKS_ALL,    /* answered when it is on disk at a majority, committed and applied */
};

/* Something to append. */
struct node_proposal {
    uint64_t group;
    enum raft_entry_type type; /* RECORDS, COMMAND or LOG_START */
    struct blob *blob;         /* from entry_blob_create, shared with nobody; taken over, on failure too */
    uint32_t count;            /* RECORDS: records in the batch */
    bool has_key;
    struct hash128 key;
    struct hash128 payload;
    int64_t expected_offset; /* RECORDS: only where the next offset is this one; -1: anywhere */
    enum node_acks acks;
    uint64_t context; /* given back in the answer */
};

/*
 * Every proposal gets exactly one answer. Status OK; UNAVAILABLE (no quorum, transfer under way), NOT_LEADER,
 * FULL, NO_SPACE: nothing was appended. NOT_FOUND: no such group here. CONFLICT: expected_offset does not
 * hold (base_offset is the next offset). EXISTS: the key is known with another payload. UNKNOWN: appended,
 * and what became of it cannot be said.
 */
struct node_answer {
    uint64_t context;
    uint64_t group;
    enum status status;
    bool duplicate; /* the key was known: this is the first one's place */
    raft_id leader; /* where NOT_LEADER: 0 or whom to ask */
    uint64_t term;
    uint64_t index;
    int64_t base_offset;
    uint32_t count;
    int64_t append_time_ms;
    struct metadata_result result; /* COMMAND */
};

/* One replica's standing. */
struct node_status {
    uint64_t group;
    enum raft_role role;
    uint64_t term;
    raft_id vote;
    raft_id leader;
    bool ready;         /* leader whose own no-op is applied: takes writes */
    bool current;       /* an entry of this term is applied: so is all that was committed in earlier ones */
    bool majority_lost; /* no leader is known, and so many voters' disks are gone for good that none will be:
                           only unsafe recovery goes on (replica/unsafe.h) */
    bool blank;         /* this replica has never heard of what the group decided, and is no member of it */
    uint64_t commit_index;
    uint64_t applied_index;
    uint64_t persisted_index; /* the last one that is durable here */
    uint64_t first_index;
    uint64_t last_index;
    int64_t next_offset; /* partitions: high watermark */
    int64_t log_start_offset;
};

/* A member of a group as its leader sees it. */
struct node_member {
    raft_id id;
    bool voter;
    struct raft_progress progress; /* zeroes at followers and for the leader itself */
};

struct node_observer {
    void *context;
    void (*answered)(void *context, const struct node_answer *answer);
    /* A read index request ended. OK: what is applied now is fresh enough. */
    void (*read_ready)(void *context, uint64_t read_context, enum status status);
    /* A replica came to be (also at start) or is gone with its data. */
    void (*opened)(void *context, uint64_t group);
    void (*closed)(void *context, uint64_t group);
    /* A committed entry with records was applied; the blob is borrowed. Not called for what was applied
     * before a restart. */
    void (*applied)(void *context, uint64_t group, const struct raft_entry *entry,
                    const struct entry_header *header);
    /* Role, term, leader, readiness or commit changed since the last call for that group. */
    void (*status)(void *context, const struct node_status *status);
    /* Around each change of the metadata: between the two nobody else may read it. changes NULL: all is new.
     */
    void (*metadata_changing)(void *context);
    void (*metadata_changed)(void *context, const struct metadata_changes *changes);
    /* The storage failed or a log cannot be right: the process must end and recover. Nothing is sent any
     * more. */
    void (*failed)(void *context, uint64_t group, enum status status, const char *what);
};

struct node_options {
    raft_id self;
    struct uuid cluster_id;
    const struct metadata_first_voter *first_voters; /* ascending by broker id; borrowed during node_open */
    size_t first_voter_count;
    struct storage *storage;     /* outlives the node */
    struct transport *transport; /* outlives the node */
    struct node_observer observer;
    storage_done
        persisted; /* handed to the storage; must make node_persisted be called on the node's thread */
    void *persisted_context;
    uint64_t heartbeat_ms;
    uint64_t election_min_ms;
    uint64_t election_max_ms;
    uint32_t inflight_appends_max; /* as in raft_options */
    uint64_t inflight_bytes_max;
    uint32_t append_entries_max;
    size_t tail_bytes_max;       /* of recent entries kept in memory, per group */
    size_t backlog_bytes_max;    /* of entries that are not durable yet, of all groups: beyond that no more
                                    records are taken, neither from clients nor from leaders; and of proposals
                                    that are not applied yet: beyond that no more from clients */
    size_t metadata_voters_max;  /* of group 0: the first voters' count */
    uint32_t pending_max;        /* proposals waiting for an answer, per group */
    uint64_t apply_entries_max;  /* of one group, in one flush */
    uint64_t checkpoint_entries; /* a state is saved after so many applied entries ... */
    uint64_t checkpoint_bytes;   /* ... or so many bytes of them */
    uint64_t metadata_log_keep;  /* entries of group 0 kept behind its snapshot */
    size_t idempotency_keys_max;
    size_t snapshot_chunk_bytes; /* of a state in one message */
    uint64_t seed;
    uint64_t now_ms;
};

/*
 * Reads what the storage holds and makes the replicas. CORRUPT or IO where a state cannot be read (`error`
 * says which), NO_MEMORY. Calls observer.opened and metadata_changed.
 */
enum status node_open(const struct node_options *options, struct node **ret_node,
                      struct error *error) AVIARY_MUST_USE;
/* Answers what still waits: proposals UNKNOWN, read index requests UNAVAILABLE. For an orderly stop. */
void node_answer_waiting(struct node *node);
/* Takes NULL. Answers what waits, as above. */
void node_destroy(struct node *node);

/* Inputs. `now_ms` monotonic; `wall_ms` for append times. */
void node_tick(struct node *node, uint64_t now_ms);
/* Borrows the message. Messages of groups that are not here, or not for this incarnation, are dropped. */
void node_receive(struct node *node, uint64_t now_ms, const struct raft_message *message);
void node_peer_closed(struct node *node, uint64_t now_ms, raft_id peer);
/* The storage's completion of the batch with that token. */
void node_persisted(struct node *node, uint64_t now_ms, uint64_t token, enum status status);
void node_propose(struct node *node, uint64_t now_ms, int64_t wall_ms, const struct node_proposal *proposal);
/* Answered by observer.read_ready, exactly once. */
void node_read_index(struct node *node, uint64_t now_ms, uint64_t group, uint64_t read_context);
/* To 0: the most up-to-date follower. NOT_FOUND, NOT_LEADER, UNAVAILABLE, INVALID. */
enum status node_transfer(struct node *node, uint64_t now_ms, uint64_t group, raft_id to) AVIARY_MUST_USE;
/*
 * Incarnations that the metadata has as current, but whose brokers have come back with other disks, which it
 * may be unable to learn. Replaces what was said before; at most BROKERS_MAX. Changes what majority_lost
 * says, and nothing else.
 */
void node_set_gone(struct node *node, const raft_id *incarnations, size_t count);
/* Order of candidates of group 0, from coordination (raft_set_preference). */
void node_set_metadata_preference(struct node *node, uint32_t rank, uint64_t hold_ms);

void node_flush(struct node *node, uint64_t now_ms);
/* There is more to apply than one flush takes. */
bool node_has_work(const struct node *node);

/* Saves the states of all groups, so that the next start applies little. Before an orderly stop; flush
 * afterwards. */
void node_checkpoint(struct node *node);
/* Batches submitted and not yet persisted. */
size_t node_writes_pending(const struct node *node);
/* Entries that wait for the disk or proposals that wait for a majority, whichever are more: at the option
 * backlog_bytes_max none are taken any more. */
size_t node_backlog_bytes(const struct node *node);

/* Reading. */
const struct metadata *node_metadata(const struct node *node);
size_t node_group_count(const struct node *node);
/* Ascending by group; `position` below node_group_count. */
uint64_t node_group_at(const struct node *node, size_t position);
bool node_status(const struct node *node, uint64_t group, struct node_status *ret_status);
/* Members of the group's latest configuration; returns how many (at most RAFT_MEMBERS_MAX). */
size_t node_members(const struct node *node, uint64_t group,
                    struct node_member ret_members[RAFT_MEMBERS_MAX]);
/* The partition's or metadata's digest, for checks across replicas; false where the group is not here. */
bool node_digest(const struct node *node, uint64_t group, uint32_t *ret_digest);

enum { NODE_SUCCESSORS_MAX = 64 };

/* The voters, beside one of them, of all groups that it votes in. */
struct node_successors {
    raft_id voters[NODE_SUCCESSORS_MAX];
    size_t count;
    uint64_t group; /* where the search ended */
};

/*
 * Who has what the disk of `self` holds, as far as `storage` knows; needs no node. OK: without `self` every
 * group keeps a majority of its voters. CONFLICT: `group` does not, or there are too many of them. Otherwise
 * what reading said, of `group`. Fills `ret_successors` in any case. Any thread.
 */
enum status node_find_successors(struct storage *storage, raft_id self,
                                 struct node_successors *ret_successors) AVIARY_MUST_USE;

#endif
