/*
 * At leaders: one step at a time towards the members that the metadata wants (metadata/reconcile.h).
 */
#include "node_private.h"

#include "aviary/metadata/reconcile.h"

enum { CAUGHT_UP_ENTRIES = 1000, CAUGHT_UP_ANSWER_MS = 1000 };

/* Learners that are near the end of the log and answer. */
static size_t members_caught_up(const struct group *group, const struct raft_configuration *now,
                                raft_id ret_ids[RAFT_MEMBERS_MAX]) {
    size_t count = 0;
    for (uint32_t i = 0; i < now->count; i++) {
        struct raft_progress progress;
        if (now->members[i].voter || !raft_progress(group->raft, now->members[i].id, &progress)) {
            continue;
        }
        bool answers =
            progress.answered_ms != 0 && group->node->now_ms - progress.answered_ms <= CAUGHT_UP_ANSWER_MS;
        if (answers && !progress.snapshotting && progress.match_index > 0 &&
            progress.match_index + CAUGHT_UP_ENTRIES >= raft_last_index(group->raft)) {
            ret_ids[count++] = now->members[i].id;
        }
    }
    return count;
}

/* False: nothing is wanted of this group now (deleted, or not known here yet). */
static bool members_wanted(const struct group *group, const struct raft_configuration *now,
                           struct raft_configuration *ret_wanted) {
    const struct metadata *metadata = node_metadata(group->node);
    if (group->id == METADATA_GROUP) {
        reconcile_metadata_wanted(metadata, now, group->node->options.metadata_voters_max, ret_wanted);
        return true;
    }
    uint32_t number;
    const struct metadata_topic *topic = metadata_topic_of_group(metadata, group->id, &number);
    if (topic == NULL) {
        return false;
    }
    reconcile_partition_wanted(&topic->partitions[number], ret_wanted);
    return true;
}

static void members_step(struct group *group) {
    const struct raft_configuration *now = raft_latest_configuration(group->raft);
    struct raft_configuration wanted;
    struct raft_configuration next;
    raft_id lost[RAFT_MEMBERS_MAX];
    raft_id caught_up[RAFT_MEMBERS_MAX];
    struct reconcile reconcile = {
        .now = now,
        .wanted = &wanted,
        .leader = group->node->options.self,
        .lost = lost,
        .caught_up = caught_up,
    };
    if (!members_wanted(group, now, &wanted) ||
        !reconcile_lost(node_metadata(group->node), now, lost, &reconcile.lost_count)) {
        return;
    }
    reconcile.caught_up_count = members_caught_up(group, now, caught_up);
    if (!reconcile_next(&reconcile, &next)) {
        return;
    }
    const struct raft_member *self = raft_configuration_find(&next, group->node->options.self);
    struct raft_event event = {.type = RAFT_EVENT_CHANGE_CONFIGURATION, .configuration = &next};
    if (self == NULL || !self->voter) {
        event = (struct raft_event){.type = RAFT_EVENT_TRANSFER};
    }
    enum status status = group_step(group, &event);
    if (status == STATUS_OK) {
        log_info("replica", "membership step", "group=%lu members=%u voters=%u", (unsigned long)group->id,
                 next.count, raft_configuration_voters(&next));
    }
}

void node_reconcile_members(struct node *node) {
    for (size_t i = 0; i < node->group_count && !node->failed; i++) {
        struct group *group = node->groups[i];
        if (group_is_ready(group) && raft_configuration_is_committed(group->raft) &&
            !raft_is_transferring(group->raft)) {
            members_step(group);
        }
    }
}
