/* A leader's side of the log: proposals, what to send to whom, and what the answers say (paper 5.3). */
#include "core.h"

enum status raft_propose(struct raft *raft, const struct raft_event *event) {
    if (raft->role != RAFT_LEADER) {
        return STATUS_NOT_LEADER;
    }
    if (raft_is_transferring(raft)) {
        return STATUS_UNAVAILABLE;
    }
    ASSERT(event->entry_count > 0);
    for (size_t i = 0; i < event->entry_count; i++) {
        const struct raft_entry *entry = &event->entries[i];
        ASSERT(entry->index == raft->log.last_index + 1);
        ASSERT(entry->term == raft->term);
        ASSERT(entry->type != RAFT_ENTRY_CONFIGURATION);
        enum status status = raft_log_append(&raft->log, entry->term);
        if (status != STATUS_OK) {
            return status;
        }
    }
    raft_effects_append(raft, event->entries, event->entry_count);
    return STATUS_OK;
}

/* Whether the peer lives, so that a snapshot is not made for a dead one. */
static bool answers(const struct raft *raft, const struct raft_peer *peer) {
    return peer->answered && raft->now_ms - peer->answered_ms <= raft->options.election_max_ms;
}

static bool next_snapshot(struct raft *raft, struct raft_peer *peer, struct raft_message *ret_message,
                          uint64_t *ret_count_max) {
    if (!answers(raft, peer)) {
        return false;
    }
    raft_peer_snapshot(peer);
    *ret_message = (struct raft_message){
        .type = RAFT_MESSAGE_SNAPSHOT,
        .from = raft->options.self,
        .to = peer->id,
        .term = raft->term,
        .index = raft->log.snapshot_index,
        .log_term = raft->log.snapshot_term,
    };
    *ret_count_max = 0;
    return true;
}

bool raft_next_append(struct raft *raft, raft_id peer_id, struct raft_message *ret_message,
                      uint64_t *ret_count_max) {
    struct raft_peer *peer = raft->role == RAFT_LEADER ? raft_leader_peer(raft, peer_id) : NULL;
    bool empty = false;
    if (!peer || !raft->leadership.announced ||
        !raft_peer_wants(peer, raft->log.last_index, &raft->options, &empty)) {
        return false;
    }
    uint64_t previous = peer->next_index - 1;
    if (previous < raft->log.snapshot_index) {
        return next_snapshot(raft, peer, ret_message, ret_count_max);
    }
    ASSERT(previous <= raft->log.last_index);
    uint64_t left = empty ? 0 : raft->log.last_index - previous;
    *ret_message = (struct raft_message){
        .type = RAFT_MESSAGE_APPEND,
        .from = raft->options.self,
        .to = peer_id,
        .term = raft->term,
        .index = previous,
        .log_term = raft_log_term_at(&raft->log, previous),
        .commit = raft->commit_index,
    };
    *ret_count_max = left < raft->options.append_entries_max ? left : raft->options.append_entries_max;
    return true;
}

void raft_append_sent(struct raft *raft, raft_id peer_id, uint64_t count, uint64_t bytes) {
    struct raft_peer *peer = raft->role == RAFT_LEADER ? raft_leader_peer(raft, peer_id) : NULL;
    if (!peer) {
        return;
    }
    ASSERT(count <= raft->log.last_index - (peer->next_index - 1));
    raft_peer_sent(peer, count, bytes, raft->now_ms);
}

/* Goes back a whole term at a time, by what the follower said (paper, end of 5.3). */
static uint64_t next_after_refusal(const struct raft *raft, const struct raft_message *message) {
    uint64_t last = raft->log.last_index;
    uint64_t hint = message->hint_index < last ? message->hint_index : last;
    return raft_log_find_term(&raft->log, hint, message->hint_term) + 1;
}

void raft_on_append_response(struct raft *raft, const struct raft_message *message) {
    struct raft_peer *peer = raft->role == RAFT_LEADER ? raft_leader_peer(raft, message->from) : NULL;
    if (!peer || message->index > raft->log.last_index) {
        return;
    }
    raft_peer_answered(peer, raft->now_ms);
    if (message->reject) {
        raft_peer_refused(peer, message->index, next_after_refusal(raft, message));
        return;
    }
    if (raft_peer_acknowledged(peer, message->index, raft_first_index(raft), raft->now_ms)) {
        raft_commit_by_counting(raft);
        raft_transfer_advance(raft);
    }
}

void raft_on_persisted(struct raft *raft, uint64_t index, uint64_t term) {
    raft_log_persisted(&raft->log, index, term);
    if (raft->role != RAFT_LEADER) {
        return;
    }
    if (!raft->leadership.announced && raft->log.persisted_index >= raft->leadership.term_start_index) {
        /* The vote was written with the first entry. */
        raft->leadership.announced = true;
        raft_leader_send_heartbeats(raft);
    }
    raft_commit_by_counting(raft);
    raft_transfer_advance(raft);
}
