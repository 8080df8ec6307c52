#include "core.h"

void raft_commit_to(struct raft *raft, uint64_t index) {
    if (index <= raft->commit_index) {
        return;
    }
    ASSERT(index <= raft->log.last_index);
    raft->commit_index = index;
    raft->effects->commit_advanced = true;
    raft_history_prune(&raft->history, index);
}

bool raft_has_committed_in_term(const struct raft *raft) {
    return raft_log_term_at(&raft->log, raft->commit_index) == raft->term;
}

static uint64_t match_of(const struct raft *raft, const struct raft_peer *peer) {
    (void)raft;
    return peer->match_index;
}

/* A leader that its own configuration does not count leads until that is committed (thesis 4.2.2), then hands
 * over. */
static void leave_if_removed(struct raft *raft) {
    if (raft_is_voter(raft) || !raft_configuration_is_committed(raft)) {
        return;
    }
    raft_id successor = raft_transfer_best(raft);
    if (successor != 0) {
        raft_send(raft, RAFT_SEND_NOW,
                  &(struct raft_message){.type = RAFT_MESSAGE_TIMEOUT_NOW, .to = successor});
    }
    raft_become_follower(raft, raft->term, 0);
}

void raft_commit_by_counting(struct raft *raft) {
    uint64_t index = raft_quorum_value(raft, raft->log.persisted_index, match_of);
    /* Only an entry of the own term is committed by counting; those before it with it (paper 5.4.2, figure
     * 8). */
    if (index <= raft->commit_index || raft_log_term_at(&raft->log, index) != raft->term) {
        return;
    }
    raft_commit_to(raft, index);
    leave_if_removed(raft);
}
