/*
 * Leadership transfer (thesis 3.10): proposals stop, the target gets what it lacks, and when all of it is
 * committed, so that no proposal is left in doubt, it is told to campaign at once. Where nothing comes of it
 * within an election timeout, proposals go on.
 */
#include "core.h"

static bool answers_quickly(const struct raft *raft, const struct raft_peer *peer) {
    return peer->answered && raft->now_ms - peer->answered_ms <= raft->options.election_min_ms;
}

raft_id raft_transfer_best(const struct raft *raft) {
    const struct raft_peer *best = NULL;
    for (uint32_t i = 0; i < raft->leadership.peer_count; i++) {
        const struct raft_peer *peer = &raft->leadership.peers[i];
        if (raft_configuration_has_voter(raft_members(raft), peer->id) && answers_quickly(raft, peer) &&
            (!best || peer->match_index > best->match_index)) {
            best = peer;
        }
    }
    return best ? best->id : 0;
}

enum status raft_transfer_start(struct raft *raft, raft_id to) {
    struct raft_leadership *leadership = &raft->leadership;
    if (raft->role != RAFT_LEADER) {
        return STATUS_NOT_LEADER;
    }
    if (raft_is_transferring(raft)) {
        return STATUS_UNAVAILABLE;
    }
    if (to == 0) {
        to = raft_transfer_best(raft);
        if (to == 0) {
            return STATUS_UNAVAILABLE;
        }
    } else if (to == raft->options.self || !raft_configuration_has_voter(raft_members(raft), to)) {
        return STATUS_INVALID;
    }
    leadership->transfer_to = to;
    leadership->transfer_told = false;
    leadership->transfer_until_ms = raft->now_ms + raft->options.election_min_ms;
    raft_transfer_advance(raft);
    return STATUS_OK;
}

void raft_transfer_advance(struct raft *raft) {
    struct raft_leadership *leadership = &raft->leadership;
    if (!raft_is_transferring(raft) || leadership->transfer_told) {
        return;
    }
    const struct raft_peer *peer = raft_leader_peer(raft, leadership->transfer_to);
    if (peer && peer->match_index == raft->log.last_index && raft->commit_index == raft->log.last_index) {
        leadership->transfer_told = true;
        raft_send(raft, RAFT_SEND_NOW,
                  &(struct raft_message){.type = RAFT_MESSAGE_TIMEOUT_NOW, .to = peer->id});
    }
}

void raft_transfer_tick(struct raft *raft) {
    if (raft_is_transferring(raft) && raft->now_ms >= raft->leadership.transfer_until_ms) {
        raft->leadership.transfer_to = 0;
    }
}
