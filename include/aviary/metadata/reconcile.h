/*
 * Membership step by step: from the configuration that a group has to the one that the metadata wants, each
 * step one entry that changes at most one voter. Pure; the group's leader asks again whenever its latest
 * configuration is committed, or a learner has caught up, or the metadata changed.
 *
 * The order of the steps, first that applies:
 *   1. A voter whose disk is lost goes, in the same entry that brings its successor as learner: a quorum
 *      never counts on a disk that is gone.
 *   2. A learner that should vote and has caught up is promoted. Where the number of voters is odd, only when
 *      the next one has caught up too (an even number bears no more failures than the odd one below it), or
 *      is not needed.
 *   3. Once everyone who should vote does, voters that should not go one by one, the leader last.
 *   4. Learners come and go as wanted, also together with any step above; those who will vote have the first
 *      claim on the RAFT_MEMBERS_MAX places.
 */
#ifndef AVIARY_METADATA_RECONCILE_H
#define AVIARY_METADATA_RECONCILE_H

#include "aviary/metadata.h"

/* What a step is decided on; borrowed. The voters of `now` and `wanted` together are at most
 * RAFT_MEMBERS_MAX: beyond that, those who should vote might find no place to learn. */
struct reconcile {
    const struct raft_configuration *now;    /* committed; has a voter */
    const struct raft_configuration *wanted; /* has a voter */
    raft_id leader;                          /* who asks */
    const raft_id *lost;                     /* superseded incarnations; any order */
    size_t lost_count;
    const raft_id *caught_up; /* learners close to the end of the log; any order */
    size_t caught_up_count;
};

/*
 * The next configuration, members ascending by id; false: nothing to do now (all as wanted, or a learner has
 * to catch up first). A leader that gets a configuration without itself hands leadership over first.
 */
bool reconcile_next(const struct reconcile *reconcile, struct raft_configuration *ret_next) AVIARY_MUST_USE;

/* What a partition's group should look like: its `replicas`, all voters. */
void reconcile_partition_wanted(const struct metadata_partition *partition, struct raft_configuration *ret);

/*
 * What group 0 should look like. Voters: the largest odd number that is neither above `voters_max`
 * (1 to FIRST_VOTERS_MAX) nor above the number of brokers; first those who vote in `now` and are current,
 * then others by broker id. All other brokers learn, by broker id, up to RAFT_MEMBERS_MAX members.
 */
void reconcile_metadata_wanted(const struct metadata *metadata, const struct raft_configuration *now,
                               size_t voters_max, struct raft_configuration *ret);

/*
 * The members of `now` that are superseded, into `ret_lost`. False where `now` has a member that the metadata
 * does not know yet: this state is behind, and nothing should be decided on it.
 */
bool reconcile_lost(const struct metadata *metadata, const struct raft_configuration *now,
                    raft_id ret_lost[RAFT_MEMBERS_MAX], size_t *ret_count) AVIARY_MUST_USE;

#endif
