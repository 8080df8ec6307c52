/*
 * What people and monitoring ask: a replica's standing, a transfer, health, counters.
 */
#include "broker_private.h"

#include <stdlib.h>

enum {
    HEALTH_LEADER_MS = 3000,
    HEALTH_BEAT_MS = 2000,
    TRANSFER_LOOK_MS = 100, /* between two looks at a transfer that may have given up */
};

static void task_replica_status(struct shard *shard, struct broker_pending *pending) {
    pending->found = node_status(shard->node, pending->group, &pending->replica.status);
    pending->replica.member_count = node_members(shard->node, pending->group, pending->replica.members);
    pending_finish(pending);
}

bool broker_replica_status(struct broker *broker, uint64_t group, uint64_t deadline_ms,
                           struct broker_replica_status *ret_status) {
    struct broker_pending *pending = pending_create();
    if (pending == NULL) {
        return false;
    }
    pending->task = task_replica_status;
    pending->group = group;
    bool found = shard_run(&broker->shard, pending) && pending_wait(pending, deadline_ms) && pending->found;
    if (found) {
        *ret_status = pending->replica;
    }
    pending_release(pending);
    return found;
}

static void task_read_barrier(struct shard *shard, struct broker_pending *pending) {
    node_read_index(shard->node, shard->now_ms, pending->group, (uint64_t)(uintptr_t)pending);
}

enum status broker_read_barrier(struct broker *broker, uint64_t group, uint64_t deadline_ms) {
    struct broker_pending *pending = pending_create();
    if (pending == NULL) {
        return STATUS_NO_MEMORY;
    }
    pending->task = task_read_barrier;
    pending->group = group;
    enum status status = STATUS_UNAVAILABLE;
    if (shard_run(&broker->shard, pending)) {
        status = pending_wait(pending, deadline_ms) ? pending->answer.status : STATUS_TIMEOUT;
    }
    pending_release(pending);
    return status;
}

static void task_transfer(struct shard *shard, struct broker_pending *pending) {
    pending->answer.status = node_transfer(shard->node, shard->now_ms, pending->group, pending->peer);
    pending_finish(pending);
}

static enum status transfer_begin(struct broker *broker, uint64_t group, raft_id to, uint64_t deadline_ms) {
    struct broker_pending *pending = pending_create();
    if (pending == NULL) {
        return STATUS_NO_MEMORY;
    }
    pending->task = task_transfer;
    pending->group = group;
    pending->peer = to;
    enum status status = STATUS_UNAVAILABLE;
    if (shard_run(&broker->shard, pending) && pending_wait(pending, deadline_ms)) {
        status = pending->answer.status;
    }
    pending_release(pending);
    return status;
}

/* Waits until this broker no longer leads and somebody does; begins again where the transfer gave up. */
static enum status transfer_await(struct broker *broker, uint64_t group, raft_id to, uint64_t deadline_ms,
                                  struct error *error) {
    for (uint64_t now_ms; (now_ms = clock_monotonic_ms()) < deadline_ms;) {
        struct broker_route route;
        mutex_lock(&broker->leaders_mutex);
        uint64_t generation = broker->leaders_generation;
        mutex_unlock(&broker->leaders_mutex);
        if (route_known(broker, group, &route) && !route.here) {
            return STATUS_OK;
        }
        uint64_t look_ms = now_ms + TRANSFER_LOOK_MS < deadline_ms ? now_ms + TRANSFER_LOOK_MS : deadline_ms;
        mutex_lock(&broker->leaders_mutex);
        while (broker->leaders_generation == generation &&
               condition_wait_until(&broker->leaders_moved, &broker->leaders_mutex, look_ms)) {
        }
        bool moved = broker->leaders_generation != generation;
        mutex_unlock(&broker->leaders_mutex);
        if (!moved) {
            (void)transfer_begin(broker, group, to, deadline_ms); /* UNAVAILABLE where it is under way */
        }
    }
    return error_set(error, STATUS_TIMEOUT,
                     "the transfer was begun and has not ended: look at /v1/partitions");
}

static enum status transfer_target(struct broker *broker, uint32_t to_broker, raft_id *ret_id,
                                   struct error *error) {
    *ret_id = 0;
    if (to_broker == 0) {
        return STATUS_OK;
    }
    const struct metadata *metadata;
    enum status status = broker_lock_metadata(broker, &metadata, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct metadata_broker *target = metadata_broker_by_id(metadata, to_broker);
    if (target) {
        *ret_id = target->incarnation;
    } else {
        status = error_set(error, STATUS_INVALID, "there is no broker %u: see /v1/brokers", to_broker);
    }
    broker_unlock_metadata(broker);
    return status;
}

enum status broker_transfer_leader(struct broker *broker, uint64_t group, uint32_t to_broker,
                                   uint64_t deadline_ms, struct error *error) {
    raft_id to;
    enum status status = transfer_target(broker, to_broker, &to, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = transfer_begin(broker, group, to, deadline_ms);
    if (status == STATUS_OK) {
        return to_broker == broker->options.id ? STATUS_OK
                                               : transfer_await(broker, group, to, deadline_ms, error);
    }
    return error_set(error, status,
                     status == STATUS_INVALID
                         ? "that broker is no voter of this partition: see /v1/partitions"
                         : "leadership cannot be handed over now: no follower has caught up, or "
                           "another transfer is under way");
}

static void health_coordination(struct broker *broker, struct broker_health *health) {
    struct coordination_status status;
    coordination_status(broker->options.coordination, &status);
    health->coordination_ok = status.connected && !status.closed;
    if (!health->coordination_ok) {
        snprintf(health->detail[0], sizeof health->detail[0], "%.319s",
                 status.last_error[0] ? status.last_error : "not connected");
    }
}

static void health_raft(struct broker *broker, uint64_t deadline_ms, struct broker_health *health) {
    struct error error;
    struct broker_route route;
    if (broker_check_running(broker, &error) != STATUS_OK) {
        snprintf(health->detail[1], sizeof health->detail[1], "%.319s", error.message);
        return;
    }
    uint64_t beat_ms = atomic_load_explicit(&broker->shard.beat_ms, memory_order_relaxed);
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms > beat_ms + HEALTH_BEAT_MS) {
        snprintf(health->detail[1], sizeof health->detail[1],
                 "one turn of the replicas has taken %lu ms so far", (unsigned long)(now_ms - beat_ms));
        return;
    }
    uint64_t leader_ms = now_ms + HEALTH_LEADER_MS;
    struct broker_replica_status metadata = {0};
    if (broker_find_leader(broker, METADATA_GROUP, leader_ms < deadline_ms ? leader_ms : deadline_ms, &route,
                           &error) != STATUS_OK) {
        snprintf(health->detail[1], sizeof health->detail[1], "%.319s", error.message);
        return;
    }
    health->raft_ok =
        broker_replica_status(broker, METADATA_GROUP, deadline_ms, &metadata) && metadata.status.current;
    if (!health->raft_ok) {
        snprintf(health->detail[1], sizeof health->detail[1],
                 "what topics there are is not all known here yet");
    }
}

static void health_storage(struct broker *broker, struct broker_health *health) {
    enum status writable = broker->options.storage->operations->writable(broker->options.storage);
    const char *wrong = broker_failure(broker);
    if (writable == STATUS_NO_SPACE) {
        wrong = "free disk space is below the watermark: reads go on, writes are refused";
    } else if (writable == STATUS_FULL) {
        wrong = "the disk cannot keep up: writes are refused for a moment";
    } else if (writable != STATUS_OK) {
        wrong = "a write failed: the broker must be restarted";
    }
    health->storage_ok = wrong == NULL;
    if (wrong) {
        snprintf(health->detail[2], sizeof health->detail[2], "%.319s", wrong);
    }
}

void broker_health(struct broker *broker, uint64_t deadline_ms, struct broker_health *ret_health) {
    struct broker_health health = {0};
    health_coordination(broker, &health);
    health_raft(broker, deadline_ms, &health);
    health_storage(broker, &health);
    *ret_health = health;
}

void broker_metrics(struct broker *broker, struct broker_metrics *ret_metrics) {
    const struct broker_counters *counters = &broker->counters;
    *ret_metrics = (struct broker_metrics){
        .leader_changes_total = atomic_load_explicit(&counters->leader_changes, memory_order_relaxed),
        .backlog_bytes = atomic_load_explicit(&broker->shard.backlog_bytes, memory_order_relaxed),
        .scrub_bytes_total = atomic_load_explicit(&broker->scrub.bytes, memory_order_relaxed),
        .scrub_passes_total = atomic_load_explicit(&broker->scrub.passes, memory_order_relaxed),
        .damages_total = atomic_load_explicit(&broker->scrub.damages, memory_order_relaxed),
        .damaged = atomic_load(&broker->scrub.damaged),
        .produce_batches_total = atomic_load_explicit(&counters->produce_batches, memory_order_relaxed),
        .produce_records_total = atomic_load_explicit(&counters->produce_records, memory_order_relaxed),
        .produce_bytes_total = atomic_load_explicit(&counters->produce_bytes, memory_order_relaxed),
        .commit_count = atomic_load_explicit(&counters->commit_count, memory_order_relaxed),
        .commit_us_total = atomic_load_explicit(&counters->commit_us, memory_order_relaxed),
    };
    for (size_t i = 0; i < 16; i++) {
        ret_metrics->commit_buckets[i] =
            atomic_load_explicit(&counters->commit_buckets[i], memory_order_relaxed);
    }
    mutex_lock(&broker->shard.mailbox.mutex);
    ret_metrics->mailbox_items = broker->shard.mailbox.prompt.count + broker->shard.mailbox.bulk.count;
    ret_metrics->mailbox_dropped_total = broker->shard.mailbox.dropped_total;
    mutex_unlock(&broker->shard.mailbox.mutex);
}
