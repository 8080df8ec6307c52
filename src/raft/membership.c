/*
 * Membership changes, one voter at a time (thesis 4.1), active as soon as they are in the log.
 *
 * Any majority of the old voters and any of the new ones then share one. That holds across leaders only
 * because a leader first commits an entry of its own term (Ongaro, "bug in single-server membership changes",
 * raft-dev 2015).
 */
#include "core.h"

static uint32_t count_voters_missing(const struct raft_configuration *from,
                                     const struct raft_configuration *in) {
    uint32_t missing = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        missing += from->members[i].voter && !raft_configuration_has_voter(in, from->members[i].id) ? 1 : 0;
    }
    return missing;
}

static bool is_allowed(const struct raft_configuration *before, const struct raft_configuration *after) {
    return raft_configuration_is_valid(after) && raft_configuration_voters(after) > 0 &&
           count_voters_missing(before, after) + count_voters_missing(after, before) <= 1;
}

enum status raft_membership_change(struct raft *raft, const struct raft_configuration *configuration) {
    if (raft->role != RAFT_LEADER) {
        return STATUS_NOT_LEADER;
    }
    if (raft_is_transferring(raft) || !raft_configuration_is_committed(raft) ||
        !raft_has_committed_in_term(raft)) {
        return STATUS_UNAVAILABLE;
    }
    if (!is_allowed(raft_members(raft), configuration)) {
        return STATUS_INVALID;
    }
    if (raft_configuration_equal(raft_members(raft), configuration)) {
        return STATUS_EXISTS;
    }
    raft_leader_append(raft, RAFT_ENTRY_CONFIGURATION);
    if (raft->failure != STATUS_OK) {
        return raft->failure;
    }
    enum status status = raft_history_append(&raft->history, raft->log.last_index, configuration);
    if (status != STATUS_OK) {
        return status;
    }
    raft->effects->configurations_changed = true;
    raft_leader_sync_peers(raft);
    raft_commit_by_counting(raft); /* a smaller majority may have it all already */
    return STATUS_OK;
}
