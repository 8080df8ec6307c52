/*
 * Orderly stop: leaderships go to others first, so that nobody waits for an election and requests that are
 * under way find the new leaders.
 */
#include "broker_private.h"

#include <stdlib.h>

enum {
    STOP_TRANSFER_MS = 1000,
    STOP_HEAR_MS = 200, /* for the new leaders to be heard */
    STOP_POLL_MS = 20,
};

/* In a turn: hands over every group led here. `found`: some are still led; UNAVAILABLE: of some no leader
 * is known. */
static void task_hand_over(struct shard *shard, struct broker_pending *pending) {
    pending->found = false;
    pending->answer.status = STATUS_OK;
    for (size_t i = 0; i < node_group_count(shard->node); i++) {
        struct node_status status;
        uint64_t group = node_group_at(shard->node, i);
        struct node_member members[RAFT_MEMBERS_MAX];
        if (!node_status(shard->node, group, &status)) {
            continue;
        }
        if (status.leader == 0) {
            pending->answer.status = STATUS_UNAVAILABLE;
        }
        if (status.role != RAFT_LEADER || node_members(shard->node, group, members) < 2) {
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

/* False: nothing is left to wait for. */
static bool hand_over_once(struct broker *broker, uint64_t hear_until_ms, uint64_t deadline_ms) {
    struct broker_pending *pending = pending_create();
    if (pending == NULL) {
        return false;
    }
    pending->task = task_hand_over;
    bool told = shard_run(&broker->shard, pending) && pending_wait(pending, deadline_ms);
    bool wait = told && (pending->found || (pending->answer.status == STATUS_UNAVAILABLE &&
                                            clock_monotonic_ms() < hear_until_ms));
    pending_release(pending);
    return wait;
}

void broker_hand_over(struct broker *broker) {
    if (!broker_is_running(broker) || broker_failure(broker) != NULL) {
        return;
    }
    uint64_t begun_ms = clock_monotonic_ms();
    uint64_t deadline_ms = begun_ms + STOP_TRANSFER_MS;
    while (clock_monotonic_ms() < deadline_ms &&
           hand_over_once(broker, begun_ms + STOP_HEAR_MS, deadline_ms)) {
        mutex_lock(&broker->leaders_mutex);
        condition_wait_until(&broker->leaders_moved, &broker->leaders_mutex,
                             clock_monotonic_ms() + STOP_POLL_MS);
        mutex_unlock(&broker->leaders_mutex);
    }
}

void broker_stop(struct broker *broker) {
    housekeeper_tell_stop(broker); /* it may be in the middle of a call to a peer: let that end meanwhile */
    scrub_stop(broker);
    housekeeper_join(broker);
    if (broker_is_running(broker)) {
        shard_stop(&broker->shard);
    }
}
