/*
 * Unsafe recovery of a group that has lost a majority of its disks for good: what a stopped broker's storage
 * holds of it is declared to be the group. Offline: no node runs on the storage meanwhile.
 *
 * What makes it unsafe: entries that only the lost disks had are gone, acknowledged ones too, and nothing can
 * tell which. Two disks that are declared to be the same group are two groups under one id.
 */
#ifndef AVIARY_REPLICA_UNSAFE_H
#define AVIARY_REPLICA_UNSAFE_H

#include "aviary/metadata.h"
#include "aviary/raft/types.h"
#include "aviary/storage.h"

/* What a disk holds of a group. */
struct unsafe_survey {
    uint64_t group;
    bool empty; /* neither an entry nor a state: it has never heard of what the group decided */
    uint64_t term;
    uint64_t last_index;
    uint64_t last_term;
    uint64_t commit_index;                   /* known to be committed; may lag */
    int64_t next_offset;                     /* partitions: behind the last record here */
    struct raft_configuration configuration; /* the latest one here */
};

/* NOT_FOUND: nothing of that group is here. CORRUPT, IO, NO_MEMORY. */
enum status unsafe_survey(struct storage *storage, uint64_t group,
                          struct unsafe_survey *ret_survey) AVIARY_MUST_USE;

/*
 * The metadata as all of group 0's log here makes it. NOT_FOUND: nothing of group 0 is here. The caller
 * destroys it.
 */
enum status unsafe_read_metadata(struct storage *storage, const struct uuid *cluster_id,
                                 const struct metadata_first_voter *first_voters, size_t first_voter_count,
                                 struct metadata **ret_metadata) AVIARY_MUST_USE;

/*
 * Adds to `batch` what makes incarnation `self` the group's only voter: a configuration entry behind all that
 * is here, of a term far above any that was. Group 0 gets a command besides, so that it passes over the
 * numbers that lost entries may have given. Everything that is here counts as committed once the broker runs.
 */
enum status unsafe_take(struct storage *storage, uint64_t group, raft_id self,
                        struct storage_batch *batch) AVIARY_MUST_USE;

/*
 * The same for a partition of which every replica is lost: it begins again, empty, at `first_offset`, which
 * must be above every offset that it ever gave. INVALID where something of it is here, and for group 0.
 */
enum status unsafe_begin_anew(struct storage *storage, uint64_t group, raft_id self, int64_t first_offset,
                              int64_t now_ms, struct storage_batch *batch) AVIARY_MUST_USE;

#endif
