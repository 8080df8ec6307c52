/*
 * What storage holds of a group, read back: hard state, configurations, the terms of its log, saved state.
 */
#ifndef REPLICA_RECOVERY_H
#define REPLICA_RECOVERY_H

#include "format.h"

#include "aviary/raft.h"
#include "aviary/storage.h"

/* Zeroed: nothing is there. */
struct recovery {
    struct hard_state hard;
    struct raft_indexed_configuration *configurations;
    size_t configuration_count;
    struct raft_term_run *runs;
    size_t run_count;
    size_t run_capacity;
    uint64_t last_index;
    struct blob *snapshot_blob;
    struct snapshot_state snapshot; /* index 0: none */
};

/* Into a zeroed one; finish it in any case. NOT_FOUND: the group was never here. CORRUPT, IO, NO_MEMORY. */
enum status recovery_read(struct storage *storage, uint64_t group, struct recovery *recovery) AVIARY_MUST_USE;
void recovery_finish(struct recovery *recovery);

#endif
