/* Leading: the peers, heartbeats, and stepping down where a majority does not answer (thesis 6.2). */
#include "core.h"

#include <stdlib.h>

struct raft_peer *raft_leader_peer(const struct raft *raft, raft_id id) {
    for (uint32_t i = 0; i < raft->leadership.peer_count; i++) {
        if (raft->leadership.peers[i].id == id) {
            return &raft->leadership.peers[i];
        }
    }
    return NULL;
}

void raft_leader_sync_peers(struct raft *raft) {
    const struct raft_configuration *members = raft_members(raft);
    /* One more than needed where self is a member; never 0, whose calloc may give NULL. */
    struct raft_peer *peers = calloc((size_t)members->count + 1, sizeof *peers);
    if (!peers) {
        raft_fail(raft, STATUS_NO_MEMORY);
        return;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        raft_id id = members->members[i].id;
        if (id == raft->options.self) {
            continue;
        }
        const struct raft_peer *known = raft_leader_peer(raft, id);
        if (known) {
            peers[count++] = *known;
        } else {
            raft_peer_init(&peers[count++], id, raft->log.last_index);
        }
    }
    free(raft->leadership.peers);
    raft->leadership.peers = peers;
    raft->leadership.peer_count = count;
}

/* A vote is an answer in this term, and shows that the own vote was durable before. */
static void count_voters_as_answers(struct raft *raft) {
    const struct raft_configuration *members = raft_members(raft);
    for (uint32_t i = 0; i < members->count; i++) {
        struct raft_peer *peer = raft_leader_peer(raft, members->members[i].id);
        if (peer && (raft->election.granted >> i & 1) != 0) {
            raft_peer_answered(peer, raft->now_ms);
            raft->leadership.announced = true;
        }
    }
}

void raft_leader_start(struct raft *raft) {
    raft->leadership = (struct raft_leadership){
        .since_ms = raft->now_ms,
        .heartbeat_at_ms = raft->now_ms,
        .term_start_index = raft->log.last_index + 1,
    };
    raft_leader_sync_peers(raft);
    count_voters_as_answers(raft);
    raft_leader_append(raft, RAFT_ENTRY_NOOP);
    raft_leader_send_heartbeats(raft);
}

void raft_leader_end(struct raft *raft) {
    raft_read_fail_all(raft);
    free(raft->leadership.peers);
    free(raft->leadership.reads);
    raft->leadership = (struct raft_leadership){0};
}

void raft_leader_append(struct raft *raft, enum raft_entry_type type) {
    struct raft_entry entry = {.index = raft->log.last_index + 1, .term = raft->term, .type = type};
    enum status status = raft_log_append(&raft->log, raft->term);
    if (status != STATUS_OK) {
        raft_fail(raft, status);
        return;
    }
    raft_effects_append(raft, &entry, 1);
}

void raft_leader_send_heartbeats(struct raft *raft) {
    struct raft_leadership *leadership = &raft->leadership;
    /* A sole voter leads before its term is durable; until then nobody else may see that term. */
    if (!leadership->announced) {
        return;
    }
    leadership->round++;
    leadership->heartbeat_at_ms = raft->now_ms + raft->options.heartbeat_ms;
    for (uint32_t i = 0; i < leadership->peer_count; i++) {
        const struct raft_peer *peer = &leadership->peers[i];
        uint64_t commit = raft->commit_index < peer->match_index ? raft->commit_index : peer->match_index;
        raft_send(raft, RAFT_SEND_NOW,
                  &(struct raft_message){.type = RAFT_MESSAGE_HEARTBEAT,
                                         .to = peer->id,
                                         .commit = commit,
                                         .context = leadership->round});
    }
}

/* A new leader has an election timeout for its first answers. */
static uint64_t heard_ms(const struct raft *raft, const struct raft_peer *peer) {
    return peer->answered && peer->answered_ms > raft->leadership.since_ms ? peer->answered_ms
                                                                           : raft->leadership.since_ms;
}

static bool hears_majority(const struct raft *raft) {
    return raft->now_ms - raft_quorum_value(raft, raft->now_ms, heard_ms) <= raft->options.election_max_ms;
}

void raft_leader_tick(struct raft *raft) {
    if (!hears_majority(raft)) {
        raft_become_follower(raft, raft->term, 0);
        return;
    }
    for (uint32_t i = 0; i < raft->leadership.peer_count; i++) {
        raft_peer_check_stall(&raft->leadership.peers[i], raft->now_ms, raft->options.election_max_ms);
    }
    raft_transfer_tick(raft);
    if (raft->now_ms >= raft->leadership.heartbeat_at_ms) {
        raft_leader_send_heartbeats(raft);
    }
}

void raft_on_heartbeat_response(struct raft *raft, const struct raft_message *message) {
    struct raft_peer *peer = raft->role == RAFT_LEADER ? raft_leader_peer(raft, message->from) : NULL;
    if (!peer || message->reject) {
        return;
    }
    raft_peer_answered(peer, raft->now_ms);
    raft_peer_resume(peer, raft->now_ms, raft->options.heartbeat_ms / 2);
    if (message->context > peer->acked_round && message->context <= raft->leadership.round) {
        peer->acked_round = message->context;
        raft_read_confirm(raft);
    }
}
