/* Snapshots (paper section 7): installing one, losing what one covers, and what became of one that was sent.
 */
#include "core.h"

static void install(struct raft *raft, const struct raft_message *message) {
    raft_log_reset(&raft->log, message->index, message->log_term);
    raft_history_reset(&raft->history, message->index, &message->configuration);
    raft->commit_index = message->index;
    raft->effects->install = message;
    raft->effects->configurations_changed = true;
    raft->effects->commit_advanced = true;
}

void raft_on_snapshot(struct raft *raft, const struct raft_message *message) {
    if (message->index > raft->commit_index) {
        if (raft_log_term_at(&raft->log, message->index) == message->log_term) {
            raft_commit_to(raft, message->index); /* the log has all of it: nothing to replace */
        } else {
            install(raft, message);
        }
    }
    raft_send(raft, RAFT_SEND_AFTER_PERSIST,
              &(struct raft_message){
                  .type = RAFT_MESSAGE_APPEND_RESPONSE, .to = message->from, .index = raft->commit_index});
}

void raft_on_compacted(struct raft *raft, uint64_t index) {
    ASSERT(index <= raft->commit_index);
    if (index > raft->log.snapshot_index) {
        raft_log_compact(&raft->log, index);
    }
}

void raft_on_snapshot_done(struct raft *raft, const struct raft_event *event) {
    struct raft_peer *peer = raft->role == RAFT_LEADER ? raft_leader_peer(raft, event->peer) : NULL;
    if (!peer || peer->state != RAFT_PEER_SNAPSHOT) {
        return;
    }
    bool installed = event->ok && event->index <= raft->log.last_index;
    raft_peer_probe(peer, installed ? event->index + 1 : peer->next_index);
    peer->probe_sent =
        true; /* its next answer to a heartbeat lets the probe go: not at once after a failure */
}
