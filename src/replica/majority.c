/*
 * Groups that lost a majority of their voters' disks for good. Nothing can be done about them here: people
 * are told, so that they need not wait for what will never be.
 */
#include "node_private.h"

static bool disk_is_gone(const struct node *node, raft_id id) {
    const struct metadata *metadata = node_metadata(node);
    for (size_t i = 0; i < node->gone_count; i++) {
        if (node->gone[i] == id) {
            return true;
        }
    }
    return metadata_incarnation_is_past(metadata, id) && !metadata_broker_by_incarnation(metadata, id);
}

/* A blank replica knows who voted once, not who does. Where it is the only one that the group has, nobody
 * does.
 */
static bool is_last_replica(const struct group *group) {
    uint32_t number;
    const struct metadata_topic *topic =
        metadata_topic_of_group(node_metadata(group->node), group->id, &number);
    return topic && topic->partitions[number].replica_count == 1;
}

static bool majority_is_lost(const struct group *group) {
    const struct raft_configuration *now = raft_latest_configuration(group->raft);
    if (group_is_blank(group) && !is_last_replica(group)) {
        return false;
    }
    uint32_t voters = raft_configuration_voters(now);
    uint32_t left = 0;
    if (raft_leader(group->raft) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < now->count; i++) {
        left += now->members[i].voter && !disk_is_gone(group->node, now->members[i].id);
    }
    return left < voters / 2 + 1;
}

void node_judge_majorities(struct node *node) {
    size_t lost = 0;
    uint64_t first = 0;
    for (size_t i = 0; i < node->group_count; i++) {
        struct group *group = node->groups[i];
        bool is_lost = majority_is_lost(group);
        if (is_lost != group->majority_lost) {
            group->majority_lost = is_lost;
            group->status_dirty = true;
            group_mark_dirty(group);
        }
        first = is_lost && lost == 0 ? group->id : first;
        lost += is_lost;
    }
    if (lost > node->majorities_lost) {
        log_error(
            "replica", "majority lost",
            "groups=%zu first=%lu have lost a majority of their disks for good: see \"A majority is lost\" "
            "in docs/operations.md, aviaryd --recover-unsafe",
            lost, (unsigned long)first);
    }
    node->majorities_lost = lost;
}

void node_set_gone(struct node *node, const raft_id *incarnations, size_t count) {
    ASSERT(count <= BROKERS_MAX);
    memcpy(node->gone, incarnations, count * sizeof *incarnations);
    node->gone_count = count;
}
