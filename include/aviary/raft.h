/*
 * raft: one Raft group's consensus, pure. Events in, effects out; no I/O, clock, thread or global.
 *
 * After Ongaro, "Consensus: Bridging Theory and Practice" (the thesis), and the extended Raft paper:
 * elections (5.2, 5.4), log replication (5.3), pre-vote (thesis 9.6), check-quorum and leader stickiness
 * (thesis 6.2, 4.2.3), leadership transfer (thesis 3.10), one membership change at a time (thesis 4.1) with
 * learners (4.2.1), read index (thesis 6.4), snapshot install (paper section 7), the leader's disk write in
 * parallel with replication (10.2.1).
 *
 * The core never holds an entry's bytes: of the log it knows the bounds and the runs of equal terms, so its
 * memory is small however long the log is. The driver (room `replica`) keeps the bytes. Its duties, in this
 * order, after each call of raft_step:
 *   1. Store in one atomic write, in the order of the log: hard state and configurations where they changed,
 * the truncation, the appended entries (or the installed snapshot in place of the whole log).
 *   2. Send at once the messages marked RAFT_SEND_NOW. Send those marked RAFT_SEND_AFTER_PERSIST only when
 * every write submitted up to and including step 1's is durable.
 *   3. Pull entries to send: for each peer `while (raft_next_append(...)) { attach entries;
 * raft_append_sent(...); send }`.
 *   4. When a write of entries is durable, step RAFT_EVENT_PERSISTED with the last index and term written.
 *   5. Apply entries up to `commit_index`, in order.
 * A driver that fails to store must stop the group for good (crash and recover); it never steps on.
 *
 * Threads: a raft belongs to one thread at a time. Memory: raft_create and growth of bounded arrays; a step
 * that returns STATUS_NO_MEMORY has changed nothing that was promised to anyone and the driver treats it as a
 * crash.
 */
#ifndef AVIARY_RAFT_H
#define AVIARY_RAFT_H

#include "aviary/raft/types.h"

struct raft;

enum raft_role { RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

struct raft_options {
    raft_id self;
    uint64_t heartbeat_ms;
    uint64_t
        election_min_ms; /* also the time within which a follower refuses votes after hearing its leader */
    uint64_t election_max_ms;
    uint32_t inflight_appends_max; /* AppendEntries to one follower without an answer */
    uint64_t inflight_bytes_max;   /* of their entries: with more none leaves, so one entry always may */
    uint32_t append_entries_max;   /* entries in one AppendEntries; the driver may attach fewer */
    uint64_t seed;                 /* for the randomized timeouts */
    uint64_t now_ms;
};

/* A run of entries with the same term, starting at `first_index`. */
struct raft_term_run {
    uint64_t first_index;
    uint64_t term;
};

/* What a restart reads back. Borrowed during raft_create only. */
struct raft_restart {
    uint64_t term;
    raft_id vote;            /* 0: none */
    uint64_t snapshot_index; /* the last entry before the log's first; 0 with an empty history */
    uint64_t snapshot_term;
    uint64_t last_index;              /* of the log; equals snapshot_index where the log is empty */
    const struct raft_term_run *runs; /* ascending; cover snapshot_index + 1 .. last_index */
    size_t run_count;
    /* As raft_configurations gave them, ascending; in a new group the first configuration, at index 0. */
    const struct raft_indexed_configuration *configurations;
    size_t configuration_count; /* at least 1 */
    /* Known committed, at most last_index; may lag what really is: it is raised to the snapshot's index and
     * to that of the first of the configurations, which was committed when they were stored. */
    uint64_t commit_index;
};

/* Starts as follower. INVALID where `restart` contradicts itself, NO_MEMORY. */
enum status raft_create(const struct raft_options *options, const struct raft_restart *restart,
                        struct raft **ret_raft) AVIARY_MUST_USE;
/* Takes NULL. */
void raft_destroy(struct raft *raft);

enum raft_event_type {
    RAFT_EVENT_TICK,      /* time passed; call at least every heartbeat_ms / 2 */
    RAFT_EVENT_MESSAGE,   /* `message`, borrowed for the step; from a member or not, of any term */
    RAFT_EVENT_PROPOSE,   /* `entries`: index and term filled as raft_next_index and raft_term say */
    RAFT_EVENT_PERSISTED, /* the log is durable up to (index, term) */
    RAFT_EVENT_COMPACTED, /* the log's entries up to `index` (<= applied) are gone; a snapshot covers them */
    RAFT_EVENT_TRANSFER,  /* hand leadership to `peer`; 0: to the follower that is most up to date */
    RAFT_EVENT_CHANGE_CONFIGURATION, /* to `configuration`: at most one voter differs */
    RAFT_EVENT_READ_INDEX,           /* asks for a read index under `context` (unique, above 0) */
    RAFT_EVENT_PEER_CLOSED,   /* the stream from `peer` closed: if it is the leader, forget having heard it */
    RAFT_EVENT_SNAPSHOT_DONE, /* sending a snapshot to `peer` ended, well or not (`ok`); `index`: what it
                                 covers */
};

struct raft_event {
    enum raft_event_type type;
    uint64_t now_ms; /* monotonic, never below an earlier event's */
    const struct raft_message *message;
    const struct raft_entry *entries;
    size_t entry_count;
    uint64_t index;
    uint64_t term;
    raft_id peer;
    uint64_t context;
    bool ok;
    const struct raft_configuration *configuration;
};

enum raft_send { RAFT_SEND_NOW, RAFT_SEND_AFTER_PERSIST };

struct raft_outgoing {
    enum raft_send when;
    struct raft_message message; /* without entries: raft_next_append has those; the driver sets the group */
};

/* A read index request that ended. `status` OK: state applied up to `index` is fresh enough; NOT_LEADER
 * otherwise. */
struct raft_read {
    uint64_t context;
    uint64_t index;
    enum status status;
};

/*
 * What to do now. Init once, pass to each raft_step (which clears it), finish at the end. Arrays belong to
 * the effects and are valid until the next step.
 */
struct raft_effects {
    bool hard_state_changed;     /* term and vote of raft_term, raft_vote */
    bool configurations_changed; /* raft_configurations */
    uint64_t truncate_from;      /* remove entries at and above; 0: none */
    /* Store these, after the truncation. Blobs are the event's, borrowed; NULL for NOOP and CONFIGURATION
     * that the core itself made: the driver encodes them (configuration: raft_latest_configuration). */
    const struct raft_entry *append;
    size_t append_count;
    /* A snapshot message (the event's) whose state replaces log and state machine; NULL: none. */
    const struct raft_message *install;
    struct raft_outgoing *outgoing;
    size_t outgoing_count;
    struct raft_read *reads;
    size_t read_count;
    bool commit_advanced; /* see raft_commit_index */
    bool role_changed;    /* role, term or leader changed: see raft_role, raft_term, raft_leader */

    /* private: storage of the arrays */
    size_t outgoing_capacity;
    size_t read_capacity;
    struct raft_entry *append_storage;
    size_t append_capacity;
};

void raft_effects_init(struct raft_effects *effects);
void raft_effects_finish(struct raft_effects *effects);

/*
 * One step. OK, or why nothing was done: NOT_LEADER (propose, transfer, change, read index at a follower),
 * UNAVAILABLE (a transfer under way or no follower fit for one, an uncommitted configuration, no entry of
 * this term committed yet), INVALID (a change of more than one voter, an unknown transfer target), EXISTS (a
 * change to what is so already), FULL (RAFT_READS_MAX), NO_MEMORY. A message that does not count is no error:
 * it is dropped.
 */
enum status raft_step(struct raft *raft, const struct raft_event *event,
                      struct raft_effects *effects) AVIARY_MUST_USE;

/*
 * Whether the leader wants to send entries (or a probe, or a snapshot) to `peer` now; fills `ret_message`
 * without entries: RAFT_MESSAGE_APPEND with index = previous index, log_term = its term, commit; the driver
 * attaches entries from index + 1, any number from 0 to `*ret_count_max`, and calls raft_append_sent with how
 * many, and their bytes; with 0 where there are some, the peer waits until it answers the next heartbeat.
 * RAFT_MESSAGE_SNAPSHOT: the peer, which answers, needs what was compacted up to index (of term log_term).
 * The driver sends the chunks of a snapshot at that index or later and in the end steps
 * RAFT_EVENT_SNAPSHOT_DONE; until then the peer gets nothing else. raft_append_sent need not be called.
 */
bool raft_next_append(struct raft *raft, raft_id peer, struct raft_message *ret_message,
                      uint64_t *ret_count_max);
void raft_append_sent(struct raft *raft, raft_id peer, uint64_t count, uint64_t bytes);

/*
 * Who campaigns first. Until called, the rank is this replica's place among the configuration's voters, and
 * nothing holds. A pre-vote starts `rank` x RAFT_RANK_DELAY_MS (and jitter) after the timeout or the
 * closed stream; a won pre-vote turns into a campaign `hold_ms` later. Changes who wins, never what is safe.
 */
enum { RAFT_RANK_DELAY_MS = 30 };
void raft_set_preference(struct raft *raft, uint32_t rank, uint64_t hold_ms);

/* State, for the driver and for people. */
enum raft_role raft_role(const struct raft *raft);
const char *raft_role_name(enum raft_role role);
uint64_t raft_term(const struct raft *raft);
raft_id raft_vote(const struct raft *raft);
raft_id raft_leader(const struct raft *raft); /* 0: not known */
uint64_t raft_commit_index(const struct raft *raft);
uint64_t raft_first_index(const struct raft *raft); /* of the log; last + 1 where it is empty */
uint64_t raft_next_index(const struct raft *raft);  /* what the next proposed entry gets */
uint64_t raft_last_index(const struct raft *raft);
/* The term of the entry at `index`; 0 where it is not known (compacted before the snapshot, or beyond the
 * end). */
uint64_t raft_term_at(const struct raft *raft, uint64_t index);
uint64_t raft_term_start_index(const struct raft *raft); /* leader: index of its own no-op */
/* Leader: a majority of voters answered in this term within election_min_ms, and no transfer is under way. */
bool raft_has_quorum(const struct raft *raft, uint64_t now_ms);
bool raft_is_transferring(const struct raft *raft);
/* The newest configuration in the log (active on append), and whether it is committed. */
const struct raft_configuration *raft_latest_configuration(const struct raft *raft);
bool raft_configuration_is_committed(const struct raft *raft);
/* All configurations that must be stored: the last at or below commit and every one above, ascending. */
const struct raft_indexed_configuration *raft_configurations(const struct raft *raft, size_t *ret_count);
/* The configuration in force at `index` (committed), for a snapshot at that index; NULL where it is not
 * known. */
const struct raft_configuration *raft_configuration_at(const struct raft *raft, uint64_t index);

struct raft_progress {
    uint64_t match_index;
    uint64_t next_index;
    uint64_t answered_ms; /* when it last answered in this term; 0: not yet */
    uint32_t inflight;
    bool snapshotting;
};
/* Leader only: false where `peer` is no member or this is no leader. */
bool raft_progress(const struct raft *raft, raft_id peer, struct raft_progress *ret_progress);

#endif
