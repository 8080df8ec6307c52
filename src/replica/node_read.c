/*
 * Reading a node's standing.
 */
#include "node_private.h"

const struct metadata *node_metadata(const struct node *node) {
    return node_metadata_group(node)->machine.metadata;
}

size_t node_group_count(const struct node *node) {
    return node->group_count;
}

uint64_t node_group_at(const struct node *node, size_t position) {
    ASSERT(position < node->group_count);
    return node->groups[position]->id;
}

bool node_status(const struct node *node, uint64_t group_id, struct node_status *ret_status) {
    struct group *group = node_find(node, group_id);
    if (group == NULL) {
        return false;
    }
    group_status_fill(group, ret_status);
    return true;
}

size_t node_members(const struct node *node, uint64_t group_id,
                    struct node_member ret_members[RAFT_MEMBERS_MAX]) {
    struct group *group = node_find(node, group_id);
    if (group == NULL) {
        return 0;
    }
    const struct raft_configuration *configuration = raft_latest_configuration(group->raft);
    for (uint32_t i = 0; i < configuration->count; i++) {
        ret_members[i] = (struct node_member){
            .id = configuration->members[i].id,
            .voter = configuration->members[i].voter,
        };
        if (!raft_progress(group->raft, ret_members[i].id, &ret_members[i].progress)) {
            ret_members[i].progress = (struct raft_progress){0};
        }
    }
    return configuration->count;
}

bool node_digest(const struct node *node, uint64_t group_id, uint32_t *ret_digest) {
    struct group *group = node_find(node, group_id);
    if (group == NULL) {
        return false;
    }
    *ret_digest = machine_digest(&group->machine);
    return true;
}
