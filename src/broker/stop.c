/*
 * Orderly stop: leaderships go to others first, so that nobody waits for an election.
 */
#include "broker_private.h"

#include <stdlib.h>

enum { STOP_TRANSFER_MS = 1000, STOP_POLL_MS = 20 };

/* Shard thread: hands over every group led here; `found` tells whether any is still led. */
static void task_hand_over(struct shard *shard, struct broker_pending *pending) {
    pending->found = false;
    for (size_t i = 0; i < node_group_count(shard->node); i++) {
        struct node_status status;
        uint64_t group = node_group_at(shard->node, i);
        struct node_member members[RAFT_MEMBERS_MAX];
        if (!node_status(shard->node, group, &status) || status.role != RAFT_LEADER ||
            node_members(shard->node, group, members) < 2) {
            continue;
        }
        pending->found = true;
        enum status transferred = node_transfer(shard->node, shard->now_ms, group, 0);
        if (transferred != STATUS_OK && transferred != STATUS_UNAVAILABLE) {
            log_debug("broker", "no transfer", "group=%lu status=%s", (unsigned long)group,
                      status_name(transferred));
        }
    }
    pending_finish(pending);
}

static void stop_hand_over(struct broker *broker) {
    uint64_t deadline_ms = clock_monotonic_ms() + STOP_TRANSFER_MS;
    while (clock_monotonic_ms() < deadline_ms) {
        struct broker_pending *pending = pending_create();
        if (pending == NULL) {
            return;
        }
        pending->task = task_hand_over;
        bool told = shard_run(&broker->shard, pending) && pending_wait(pending, deadline_ms);
        bool still_leads = told && pending->found;
        pending_release(pending);
        if (!still_leads) {
            return;
        }
        mutex_lock(&broker->leaders_mutex);
        condition_wait_until(&broker->leaders_moved, &broker->leaders_mutex,
                             clock_monotonic_ms() + STOP_POLL_MS);
        mutex_unlock(&broker->leaders_mutex);
    }
}

void broker_stop(struct broker *broker) {
    housekeeper_tell_stop(broker); /* it may be in the middle of a call to a peer: let that end meanwhile */
    if (broker_is_running(broker) && broker_failure(broker) == NULL) {
        stop_hand_over(broker);
    }
    housekeeper_join(broker);
    if (broker_is_running(broker)) {
        shard_stop(&broker->shard);
    }
}
