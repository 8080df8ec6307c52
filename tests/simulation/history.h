/*
 * What Raft promises (paper, figure 3), checked as the run goes, at constant cost an event.
 *
 * For each group: every entry that was ever appended anywhere, found by (index, term), with the term before
 * it and its checksum: two logs that hold an entry of the same index and term hold the same entry, behind the
 * same (log matching). The committed entries, as the first replica that knew said (state machine safety),
 * with the state's digest behind each. Who led which term (election safety), who voted for whom in it.
 */
#ifndef AVIARY_TESTS_SIMULATION_HISTORY_H
#define AVIARY_TESTS_SIMULATION_HISTORY_H

#include "aviary/replica.h"

enum { SIMULATION_INCARNATIONS_MAX = 64 };

struct simulation;

/* An entry as it was appended first, wherever that was. */
struct history_entry {
    uint64_t index;
    uint64_t term;
    uint64_t previous_term;
    uint32_t checksum;
    enum raft_entry_type type;
    int64_t base_offset;
    uint32_t count;
    int64_t append_time_ms;
    uint64_t operation; /* RECORDS: which client's; 0: none */
};

struct history_commit {
    size_t entry; /* in entries */
    int64_t offset_before;
    uint64_t commit_term; /* the term in which it was known first; its own or later */
    bool has_digest;
    uint32_t digest;
};

/* By voter: for whom; 0: nobody yet. */
struct term_votes {
    uint8_t candidates[SIMULATION_INCARNATIONS_MAX];
};

struct group_history {
    uint64_t id;
    struct history_entry *entries;
    size_t entry_count;
    size_t entry_capacity;
    uint32_t *slots; /* open addressing over (index, term): position in entries + 1 */
    size_t slot_count;
    struct history_commit *commits; /* by index - 1 */
    size_t commit_count;
    size_t commit_capacity;
    raft_id *leaders;      /* by term; 0: nobody known */
    uint64_t *commit_upto; /* by term: the largest index known committed in it */
    size_t term_capacity;
    struct term_votes *votes; /* by term */
    size_t votes_capacity;
    int64_t next_offset;  /* behind the last committed batch */
    int64_t last_time_ms; /* of the last entry */
    uint64_t keyed_count; /* committed batches with a key */
    bool doomed;          /* its topic is being deleted: clients are promised nothing any more */
    uint64_t acked_index; /* what clients know to be stored */
    int64_t seen_offset;  /* a high watermark that a client was shown */
};

struct history {
    struct group_history **groups; /* by id; NULL: not seen */
    size_t group_capacity;
};

void history_finish(struct history *history);
/* Made when first asked for. */
struct group_history *history_group(struct simulation *simulation, uint64_t group);
/* NULL: never appended. */
const struct history_entry *history_find(const struct group_history *group, uint64_t index, uint64_t term);
/* Of the entry's bytes, as they are and not as they say. */
uint32_t history_checksum(const struct blob *blob);
/* The entry at a committed index. */
const struct history_entry *history_committed(const struct group_history *group, uint64_t index);

/* `previous_term` 0: not known. */
void history_append(struct simulation *simulation, struct group_history *group, const struct blob *blob,
                    const struct entry_header *header, uint64_t previous_term);
/* A replica in `term` knows that (index, entry_term) is committed. */
void history_commit(struct simulation *simulation, struct group_history *group, uint64_t index,
                    uint64_t entry_term, uint64_t term);
/* `id` leads `term`. */
void history_lead(struct simulation *simulation, struct group_history *group, raft_id id, uint64_t term);
/* `voter` says, to others, that it votes for `candidate` in `term`. */
void history_vote(struct simulation *simulation, struct group_history *group, raft_id voter, uint64_t term,
                  raft_id candidate);
/* All that was committed in terms below `term` is at or below this index. */
uint64_t history_committed_before(const struct group_history *group, uint64_t term);
/* The state of a replica that applied up to `index`. */
void history_digest(struct simulation *simulation, struct group_history *group, uint64_t index,
                    uint32_t digest);

#endif
