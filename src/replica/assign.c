/*
 * Makes and removes replicas as the metadata says: a replica exists here where the assignment names this
 * broker's own incarnation, and is made and removed only by applying group 0, never by a message from a peer.
 */
#include "node_private.h"

/* This broker's place among the replicas of a partition; replica_count: it is none of them. */
static uint32_t assign_rank(const struct node *node, const struct metadata_partition *partition) {
    uint32_t rank = 0;
    while (rank < partition->replica_count && partition->replicas[rank] != node->options.self) {
        rank++;
    }
    return rank;
}

/*
 * Every replica of a group begins with the group's first voters as its configuration, also one that came
 * later: it is no member of that, so it never campaigns before the log has told it its place.
 */
static void assign_open(struct node *node, const struct metadata_partition *partition) {
    struct raft_configuration first = {.count = partition->initial_count};
    for (uint32_t i = 0; i < partition->initial_count; i++) {
        first.members[i] = (struct raft_member){.id = partition->initial[i], .voter = true};
    }
    struct group *group;
    struct error error;
    enum status status = group_open(node, partition->group, &first, &group, &error);
    if (status == STATUS_OK) {
        status = node_add(node, group);
        if (status != STATUS_OK) {
            group_destroy(group);
        }
    }
    if (status != STATUS_OK) {
        node_fail(node, partition->group, status, "a replica could not be made");
    }
}

static void assign_open_named(struct node *node, const struct metadata *metadata) {
    for (size_t i = 0; i < metadata_topic_count(metadata); i++) {
        const struct metadata_topic *topic = metadata_topic_at(metadata, i);
        for (uint32_t p = 0; p < topic->partition_count && !node->failed; p++) {
            const struct metadata_partition *partition = &topic->partitions[p];
            uint32_t rank = assign_rank(node, partition);
            if (rank == partition->replica_count) {
                continue;
            }
            if (node_find(node, partition->group) == NULL) {
                assign_open(node, partition);
            }
            struct group *group = node_find(node, partition->group);
            if (group) {
                /* The first replica is the one that should lead: the others give it a start. */
                raft_set_preference(group->raft, rank, 0);
            }
        }
    }
}

/* Group ids are never reused: one below the counter that no topic has any more was deleted. */
static void assign_remove_deleted(struct node *node, const struct metadata *metadata) {
    for (size_t i = node->group_count; i-- > 1;) {
        uint64_t id = node->groups[i]->id;
        uint32_t number;
        if (id < metadata_next_group(metadata) && metadata_topic_of_group(metadata, id, &number) == NULL) {
            node_remove_group(node, id);
        }
    }
}

void node_apply_assignments(struct node *node) {
    const struct metadata *metadata = node_metadata(node);
    if (metadata_applied_index(metadata) < node->metadata_recovered) {
        return; /* what it names may have been deleted since, as this broker knew before */
    }
    node->assignments_changed = false;
    assign_remove_deleted(node, metadata);
    assign_open_named(node, metadata);
}
