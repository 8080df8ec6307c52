/* What can be seen of a core. */
#include "core.h"

bool raft_is_voter(const struct raft *raft) {
    return raft_configuration_has_voter(raft_members(raft), raft->options.self);
}

enum raft_role raft_role(const struct raft *raft) {
    return raft->role;
}

const char *raft_role_name(enum raft_role role) {
    switch (role) {
    case RAFT_FOLLOWER:
        return "follower";
    case RAFT_PRE_CANDIDATE:
        return "pre-candidate";
    case RAFT_CANDIDATE:
        return "candidate";
    case RAFT_LEADER:
        return "leader";
    }
    return "unknown";
}

uint64_t raft_term(const struct raft *raft) {
    return raft->term;
}

raft_id raft_vote(const struct raft *raft) {
    return raft->vote;
}

raft_id raft_leader(const struct raft *raft) {
    return raft->leader;
}

uint64_t raft_commit_index(const struct raft *raft) {
    return raft->commit_index;
}

uint64_t raft_first_index(const struct raft *raft) {
    return raft->log.snapshot_index + 1;
}

uint64_t raft_next_index(const struct raft *raft) {
    return raft->log.last_index + 1;
}

uint64_t raft_last_index(const struct raft *raft) {
    return raft->log.last_index;
}

uint64_t raft_term_at(const struct raft *raft, uint64_t index) {
    return raft_log_term_at(&raft->log, index);
}

uint64_t raft_term_start_index(const struct raft *raft) {
    return raft->leadership.term_start_index;
}

/* 0 where it has not answered, else one more than the time: time 0 is a time. */
static uint64_t answered_after(const struct raft *raft, const struct raft_peer *peer) {
    (void)raft;
    return peer->answered ? peer->answered_ms + 1 : 0;
}

bool raft_has_quorum(const struct raft *raft, uint64_t now_ms) {
    ASSERT(now_ms >= raft->now_ms);
    if (raft->role != RAFT_LEADER || raft_is_transferring(raft)) {
        return false;
    }
    uint64_t answered = raft_quorum_value(raft, now_ms + 1, answered_after);
    return answered != 0 && now_ms - (answered - 1) <= raft->options.election_min_ms;
}

bool raft_is_transferring(const struct raft *raft) {
    return raft->leadership.transfer_to != 0;
}

const struct raft_configuration *raft_latest_configuration(const struct raft *raft) {
    return raft_members(raft);
}

bool raft_configuration_is_committed(const struct raft *raft) {
    return raft_history_latest(&raft->history)->index <= raft->commit_index;
}

const struct raft_indexed_configuration *raft_configurations(const struct raft *raft, size_t *ret_count) {
    *ret_count = raft->history.count;
    return raft->history.items;
}

const struct raft_configuration *raft_configuration_at(const struct raft *raft, uint64_t index) {
    return index <= raft->commit_index ? raft_history_at(&raft->history, index) : NULL;
}

static struct raft_progress own_progress(const struct raft *raft) {
    return (struct raft_progress){.match_index = raft->log.persisted_index,
                                  .next_index = raft->log.last_index + 1,
                                  .answered_ms = raft->now_ms};
}

bool raft_progress(const struct raft *raft, raft_id peer_id, struct raft_progress *ret_progress) {
    if (raft->role != RAFT_LEADER || !raft_configuration_find(raft_members(raft), peer_id)) {
        return false;
    }
    if (peer_id == raft->options.self) {
        *ret_progress = own_progress(raft);
        return true;
    }
    const struct raft_peer *peer = raft_leader_peer(raft, peer_id);
    if (!peer) {
        return false;
    }
    *ret_progress = (struct raft_progress){
        .match_index = peer->match_index,
        .next_index = peer->next_index,
        .answered_ms = peer->answered ? peer->answered_ms : 0,
        .inflight = peer->window.count,
        .snapshotting = peer->state == RAFT_PEER_SNAPSHOT,
    };
    return true;
}
