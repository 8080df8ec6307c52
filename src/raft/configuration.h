/*
 * Configurations: what is allowed in one, and the history that truncation goes back in.
 *
 * A configuration is active from the moment its entry is in the log (thesis 4.1). The history keeps the last
 * one at or below commit and every one above, so that truncating the log brings back the one before.
 */
#ifndef RAFT_CONFIGURATION_H
#define RAFT_CONFIGURATION_H

#include "aviary/raft/types.h"

/* At most RAFT_MEMBERS_MAX members, none of id 0, none twice. */
bool raft_configuration_is_valid(const struct raft_configuration *configuration);
bool raft_configuration_has_voter(const struct raft_configuration *configuration, raft_id id);

struct raft_history {
    struct raft_indexed_configuration *items; /* ascending by index; at least one */
    size_t count;                             /* at most RAFT_CONFIGURATIONS_MAX */
    size_t capacity;
};

/* Copies `items`. NO_MEMORY. */
enum status raft_history_init(struct raft_history *history, const struct raft_indexed_configuration *items,
                              size_t count) AVIARY_MUST_USE;
void raft_history_finish(struct raft_history *history);
const struct raft_indexed_configuration *raft_history_latest(const struct raft_history *history);
/* How many more configurations it takes. */
size_t raft_history_room(const struct raft_history *history);
/* NO_MEMORY. `index` above the latest; there is room. */
enum status raft_history_append(struct raft_history *history, uint64_t index,
                                const struct raft_configuration *configuration) AVIARY_MUST_USE;
/* Forgets those at `from` and above; true where there were any. The first one always stays below. */
bool raft_history_truncate(struct raft_history *history, uint64_t from);
/* Forgets those below the last one at or below `commit`. */
void raft_history_prune(struct raft_history *history, uint64_t commit);
/* Only this one, from a snapshot. */
void raft_history_reset(struct raft_history *history, uint64_t index,
                        const struct raft_configuration *configuration);
/* The one in force at `index`; NULL where it is forgotten. */
const struct raft_configuration *raft_history_at(const struct raft_history *history, uint64_t index);

#endif
