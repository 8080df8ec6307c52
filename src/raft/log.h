/*
 * What the core knows of the log: its bounds and the runs of equal terms. The entries are the driver's.
 *
 * Small however long the log is: an election adds at most one run, compaction removes those at the front.
 */
#ifndef RAFT_LOG_H
#define RAFT_LOG_H

#include "aviary/raft.h"

struct raft_log {
    uint64_t snapshot_index; /* the last entry before the first that is kept; 0: nothing was compacted */
    uint64_t snapshot_term;
    uint64_t last_index;      /* snapshot_index where the log is empty */
    uint64_t persisted_index; /* durable here up to this one */
    struct raft_term_run *runs;
    size_t run_count; /* at most RAFT_TERM_RUNS_MAX */
    size_t run_capacity;
};

/* INVALID where `restart` contradicts itself; NO_MEMORY. All of a log read back is durable. */
enum status raft_log_init(struct raft_log *log, const struct raft_restart *restart) AVIARY_MUST_USE;
void raft_log_finish(struct raft_log *log);

/* 0 where it is not known; the snapshot's term at snapshot_index. */
uint64_t raft_log_term_at(const struct raft_log *log, uint64_t index);
uint64_t raft_log_last_term(const struct raft_log *log);
/* The largest index at or below `index` whose term is at most `term`, as far back as the terms are known. */
uint64_t raft_log_find_term(const struct raft_log *log, uint64_t index, uint64_t term);
/* Whether a log that ends with (index, term) is at least as up to date as this one (paper 5.4.1). */
bool raft_log_is_up_to_date(const struct raft_log *log, uint64_t index, uint64_t term);
/* How many more runs it takes. */
size_t raft_log_room(const struct raft_log *log);

/* One entry at last_index + 1. NO_MEMORY; there is room. */
enum status raft_log_append(struct raft_log *log, uint64_t term) AVIARY_MUST_USE;
/* Removes the entries at `from` and above. */
void raft_log_truncate(struct raft_log *log, uint64_t from);
/* Removes the entries at `index` and below; `index` within the log. */
void raft_log_compact(struct raft_log *log, uint64_t index);
/* Empties the log behind an installed snapshot. */
void raft_log_reset(struct raft_log *log, uint64_t index, uint64_t term);
/* Durable up to (index, term), where that entry is still in the log. */
void raft_log_persisted(struct raft_log *log, uint64_t index, uint64_t term);

#endif
