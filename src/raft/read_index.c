/*
 * Linearizable reads without a log entry (thesis 6.4): the commit index at the time of asking, once a
 * majority has answered a round of heartbeats that began afterwards. Reads that come while a round is under
 * way share the next one.
 */
#include "core.h"

#include <stdlib.h>

enum { READS_CAPACITY_FIRST = 8 };

static uint64_t acked_round(const struct raft *raft, const struct raft_peer *peer) {
    (void)raft;
    return peer->acked_round;
}

static uint64_t confirmed_round(const struct raft *raft) {
    return raft_quorum_value(raft, raft->leadership.round, acked_round);
}

static enum status reserve(struct raft_leadership *leadership) {
    if (leadership->read_count < leadership->read_capacity) {
        return STATUS_OK;
    }
    size_t capacity = leadership->read_capacity > 0 ? leadership->read_capacity * 2 : READS_CAPACITY_FIRST;
    struct raft_pending_read *reads = realloc(leadership->reads, capacity * sizeof *reads);
    if (!reads) {
        return STATUS_NO_MEMORY;
    }
    leadership->reads = reads;
    leadership->read_capacity = capacity;
    return STATUS_OK;
}

enum status raft_read_start(struct raft *raft, uint64_t context) {
    struct raft_leadership *leadership = &raft->leadership;
    if (raft->role != RAFT_LEADER) {
        return STATUS_NOT_LEADER;
    }
    if (!raft_has_committed_in_term(raft)) {
        return STATUS_UNAVAILABLE; /* what earlier leaders committed may not be known here yet */
    }
    if (leadership->read_count == RAFT_READS_MAX) {
        return STATUS_FULL;
    }
    enum status status = reserve(leadership);
    if (status != STATUS_OK) {
        return status;
    }
    leadership->reads[leadership->read_count++] = (struct raft_pending_read){
        .context = context, .index = raft->commit_index, .round = leadership->round + 1};
    if (confirmed_round(raft) == leadership->round) {
        raft_leader_send_heartbeats(raft);
        raft_read_confirm(raft); /* a sole voter has its majority at once */
    }
    return STATUS_OK;
}

void raft_read_confirm(struct raft *raft) {
    struct raft_leadership *leadership = &raft->leadership;
    if (leadership->read_count == 0) {
        return;
    }
    uint64_t confirmed = confirmed_round(raft);
    size_t done = 0;
    for (; done < leadership->read_count && leadership->reads[done].round <= confirmed; done++) {
        raft_effects_read(raft, leadership->reads[done].context, leadership->reads[done].index, STATUS_OK);
    }
    leadership->read_count -= done;
    memmove(leadership->reads, leadership->reads + done, leadership->read_count * sizeof *leadership->reads);
    if (leadership->read_count > 0 && confirmed == leadership->round) {
        raft_leader_send_heartbeats(raft);
    }
}

void raft_read_fail_all(struct raft *raft) {
    struct raft_leadership *leadership = &raft->leadership;
    for (size_t i = 0; i < leadership->read_count; i++) {
        raft_effects_read(raft, leadership->reads[i].context, leadership->reads[i].index, STATUS_NOT_LEADER);
    }
    leadership->read_count = 0;
}
