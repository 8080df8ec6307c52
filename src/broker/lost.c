/*
 * Disks that are gone for good. Where a majority of the metadata group's are, no new disk can be registered,
 * so the metadata still names the old ones: that their brokers ask for another incarnation tells the truth.
 */
#include "broker_private.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LOST_CLAIM_MS = 10000 };

void lost_note_disk(struct broker *broker, const struct metadata_broker *asking) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    mutex_lock(&housekeeper->mutex);
    size_t i = 0;
    while (i < housekeeper->claim_count && housekeeper->claims[i].broker_id != asking->id) {
        i++;
    }
    if (i < BROKERS_MAX) {
        housekeeper->claims[i] = (struct lost_claim){
            .broker_id = asking->id,
            .disk_uuid = asking->disk_uuid,
            .until_ms = clock_monotonic_ms() + LOST_CLAIM_MS,
        };
        housekeeper->claim_count += i == housekeeper->claim_count;
    }
    mutex_unlock(&housekeeper->mutex);
}

/* With the housekeeper's mutex held. Whether that broker shows up, and with another disk. */
static bool lost_is_replaced(const struct housekeeper *housekeeper, const struct metadata_broker *known,
                             uint64_t now_ms) {
    for (size_t i = 0; i < housekeeper->claim_count; i++) {
        const struct lost_claim *claim = &housekeeper->claims[i];
        if (claim->broker_id == known->id && now_ms < claim->until_ms) {
            return !uuid_equal(&claim->disk_uuid, &known->disk_uuid);
        }
    }
    for (size_t i = 0; i < housekeeper->announced_count; i++) {
        const struct coordination_broker *announced = &housekeeper->announced[i];
        if (announced->id == known->id && !uuid_is_zero(&announced->disk_uuid)) {
            return !uuid_equal(&announced->disk_uuid, &known->disk_uuid);
        }
    }
    return false;
}

static size_t lost_collect(struct broker *broker, raft_id ret_gone[BROKERS_MAX]) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    uint64_t now_ms = clock_monotonic_ms();
    size_t count = 0;
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    mutex_lock(&housekeeper->mutex);
    for (size_t i = 0; i < metadata_broker_count(broker->metadata); i++) {
        const struct metadata_broker *known = metadata_broker_at(broker->metadata, i);
        if (known->id != broker->options.id && lost_is_replaced(housekeeper, known, now_ms)) {
            ret_gone[count++] = known->incarnation;
        }
    }
    mutex_unlock(&housekeeper->mutex);
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    return count;
}

struct lost_gone {
    raft_id incarnations[BROKERS_MAX];
    size_t count;
};

/* In a turn. */
static void task_set_gone(struct shard *shard, struct broker_pending *pending) {
    const struct lost_gone *gone = pending->collected;
    node_set_gone(shard->node, gone->incarnations, gone->count);
    pending_finish(pending);
}

static bool lost_tell_node(struct broker *broker, const struct lost_gone *gone) {
    struct broker_pending *pending = pending_create();
    struct lost_gone *copy = pending ? malloc(sizeof *copy) : NULL;
    if (copy == NULL) {
        pending_release(pending);
        pending_release(pending);
        return false;
    }
    *copy = *gone;
    pending->collected = copy;
    pending->task = task_set_gone;
    bool told = shard_run(&broker->shard, pending);
    pending_release(pending);
    return told;
}

void lost_refresh(struct broker *broker) {
    struct housekeeper *housekeeper = &broker->housekeeper;
    struct lost_gone gone = {.count = 0};
    gone.count = lost_collect(broker, gone.incarnations);
    uint32_t digest = crc32c(slice_make(&gone, sizeof gone));
    if (digest != housekeeper->gone_digest && lost_tell_node(broker, &gone)) {
        housekeeper->gone_digest = digest;
    }
}

bool lost_metadata(struct broker *broker) {
    struct broker_partition_position position;
    return broker_partition_position(broker, METADATA_GROUP, &position) && position.majority_lost;
}

enum status lost_error(uint64_t group, struct error *error) {
    return error_set(error, STATUS_UNAVAILABLE,
                     "group %" PRIu64
                     " has lost a majority of its disks for good: bring them back, or see aviaryd "
                     "--recover-unsafe in docs/operations.md",
                     group);
}
