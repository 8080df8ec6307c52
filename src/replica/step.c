/*
 * Feeds a group's Raft core and carries out its effects, in the order that raft.h asks for: everything to be
 * stored goes into the node's open batch first; messages leave at once or when that batch is durable
 * (batch.c).
 */
#include "format.h"
#include "node_private.h"

void group_mark_dirty(struct group *group) {
    if (!group->dirty) {
        group->dirty = true;
        list_append(&group->node->dirty, &group->dirty_node);
    }
}

static void group_put_state(struct group *group, enum storage_state kind) {
    struct node *node = group->node;
    struct storage_batch *batch = node_batch(node);
    if (buffer_status(&node->scratch) != STATUS_OK) {
        node_fail(node, group->id, buffer_status(&node->scratch), "no memory to encode a state");
    } else if (batch) {
        storage_batch_put_state(batch, group->id, kind, buffer_slice(&node->scratch));
    }
}

void group_store_hard(struct group *group) {
    struct hard_state hard = {
        .term = raft_term(group->raft),
        .vote = raft_vote(group->raft),
        .base_index = group->base_index,
        .base_term = group->base_term,
        .commit_hint = raft_commit_index(group->raft),
        .last_index = group->stored_last,
    };
    /* A hint beyond what this write makes durable would name entries that a crash can still take. */
    if (hard.commit_hint > group->stored_last) {
        hard.commit_hint = group->stored_last;
    }
    buffer_clear(&group->node->scratch);
    format_hard_encode(&hard, &group->node->scratch);
    group_put_state(group, STORAGE_STATE_HARD);
    group->commit_hint = hard.commit_hint;
    group->hint_due_ms = 0;
}

void group_store_configurations(struct group *group) {
    size_t count;
    const struct raft_indexed_configuration *configurations = raft_configurations(group->raft, &count);
    buffer_clear(&group->node->scratch);
    format_configurations_encode(configurations, count, &group->node->scratch);
    group_put_state(group, STORAGE_STATE_CONFIGURATIONS);
}

bool group_is_ready(const struct group *group) {
    return raft_role(group->raft) == RAFT_LEADER &&
           machine_applied_index(&group->machine) >= raft_term_start_index(group->raft);
}

bool group_is_blank(const struct group *group) {
    return raft_last_index(group->raft) == 0 &&
           !raft_configuration_find(raft_latest_configuration(group->raft), group->node->options.self);
}

void group_status_fill(const struct group *group, struct node_status *ret_status) {
    *ret_status = (struct node_status){
        .group = group->id,
        .role = raft_role(group->raft),
        .term = raft_term(group->raft),
        .vote = raft_vote(group->raft),
        .leader = raft_leader(group->raft),
        .ready = group_is_ready(group),
        .current =
            raft_term_at(group->raft, machine_applied_index(&group->machine)) == raft_term(group->raft),
        .majority_lost = group->majority_lost,
        .blank = group_is_blank(group),
        .commit_index = raft_commit_index(group->raft),
        .applied_index = machine_applied_index(&group->machine),
        .persisted_index = group->persisted,
        .first_index = raft_first_index(group->raft),
        .last_index = raft_last_index(group->raft),
    };
    if (group->machine.partition) {
        ret_status->next_offset = partition_next_offset(group->machine.partition);
        ret_status->log_start_offset = partition_log_start_offset(group->machine.partition);
    }
}

void group_fail_waiters(struct group *group, enum status status) {
    const struct node_observer *observer = &group->node->options.observer;
    struct waiter waiter;
    while (waiters_take(&group->waiters, UINT64_MAX, &waiter)) {
        waiter.answer.status = status;
        waiter.answer.leader = raft_leader(group->raft);
        observer->answered(observer->context, &waiter.answer);
    }
}

/* Entries that the core made itself come without bytes. */
static enum status group_encode_own_entry(struct group *group, const struct raft_entry *entry,
                                          struct blob **ret_blob) {
    _cleanup_buffer_ struct buffer payload;
    buffer_init(&payload, ENTRY_HEADER_SIZE * (size_t)RAFT_MEMBERS_MAX);
    if (entry->type == RAFT_ENTRY_CONFIGURATION) {
        raft_configuration_encode(raft_latest_configuration(group->raft), &payload);
    }
    if (buffer_status(&payload) != STATUS_OK) {
        return buffer_status(&payload);
    }
    struct entry_header header = {
        .type = entry->type,
        .group = group->id,
        .index = entry->index,
        .term = entry->term,
    };
    enum status status =
        group_read_position(group, entry->index, &header.base_offset, &header.append_time_ms);
    if (status != STATUS_OK) {
        return status;
    }
    struct blob *blob = entry_blob_create(buffer_slice(&payload));
    if (blob == NULL) {
        return STATUS_NO_MEMORY;
    }
    entry_seal(blob, &header);
    *ret_blob = blob;
    return STATUS_OK;
}

static enum status group_append_one(struct group *group, struct storage_batch *batch,
                                    struct raft_entry entry) {
    enum status status = STATUS_OK;
    if (entry.blob) {
        blob_retain(entry.blob);
    } else {
        status = group_encode_own_entry(group, &entry, &entry.blob);
    }
    if (status == STATUS_OK) {
        status = tail_append(&group->tail, &entry);
    }
    if (status != STATUS_OK) {
        blob_release(entry.blob);
        return status;
    }
    backlog_appended(group->node, entry.blob);
    storage_batch_put_entry(batch, group->id, entry.index, entry.blob);
    group->stored_last = entry.index;
    return STATUS_OK;
}

static void group_append(struct group *group, const struct raft_entry *entries, size_t count) {
    struct storage_batch *batch = node_batch(group->node);
    for (size_t i = 0; batch && i < count; i++) {
        enum status status = group_append_one(group, batch, entries[i]);
        if (status != STATUS_OK) {
            node_fail(group->node, group->id, status, "an entry could not be appended");
            return;
        }
    }
    group->marked = group->marked || count > 0;
}

static void group_truncate(struct group *group, uint64_t from) {
    struct storage_batch *batch = node_batch(group->node);
    if (batch && from <= group->stored_last) {
        storage_batch_remove_entries(batch, group->id, from, group->stored_last);
    }
    tail_truncate(&group->tail, from);
    group->stored_last = from - 1;
    if (group->persisted >= from) {
        group->persisted = from - 1;
    }
}

static void group_role_changed(struct group *group) {
    bool leader = raft_role(group->raft) == RAFT_LEADER;
    if (group->was_leader || leader) {
        /* Whatever was pending belongs to a leadership that is over; a new one begins from the applied state.
         */
        group_fail_waiters(group, STATUS_UNKNOWN);
        backlog_forget(group);
        if (group->machine.partition) {
            partition_forget_pending(group->machine.partition);
        }
        transfer_finish_all(group);
    }
    group->was_leader = leader;
    group->status_dirty = true;
    log_debug("replica", "role", "group=%lu role=%s term=%lu leader=%lu", (unsigned long)group->id,
              raft_role_name(raft_role(group->raft)), (unsigned long)raft_term(group->raft),
              (unsigned long)raft_leader(group->raft));
}

static void group_store_effects(struct group *group, const struct raft_effects *effects) {
    if (effects->install) {
        arrival_install(group, effects->install);
        return;
    }
    if (effects->truncate_from != 0) {
        group_truncate(group, effects->truncate_from);
    }
    if (effects->append_count > 0) {
        group_append(group, effects->append, effects->append_count);
    }
    /* The commit hint rides along with entries, so that a restart applies without asking anybody; and the
     * log's end, so that none takes a log that lost it for a shorter one. */
    if (effects->hard_state_changed || effects->append_count > 0 || effects->truncate_from != 0) {
        group_store_hard(group);
    }
    if (effects->configurations_changed) {
        group_store_configurations(group);
    }
}

static void group_carry_out(struct group *group, const struct raft_effects *effects) {
    if (effects->role_changed) {
        group_role_changed(group);
    }
    group_store_effects(group, effects);
    for (size_t i = 0; i < effects->outgoing_count; i++) {
        struct raft_message message = effects->outgoing[i].message;
        message.group = group->id;
        node_send(group->node, effects->outgoing[i].when, &message);
    }
    for (size_t i = 0; i < effects->read_count; i++) {
        group_confirm_read(group, &effects->reads[i]);
    }
    if (effects->commit_advanced) {
        group->status_dirty = true;
    }
    group_mark_dirty(group);
}

enum status group_step(struct group *group, struct raft_event *event) {
    struct node *node = group->node;
    if (node->failed) {
        return STATUS_CLOSED;
    }
    event->now_ms = node->now_ms;
    enum status status = raft_step(group->raft, event, &node->effects);
    if (status == STATUS_NO_MEMORY) {
        node_fail(node, group->id, status, "no memory for a Raft step");
    } else if (status == STATUS_OK) {
        group_carry_out(group, &node->effects);
    }
    return status;
}
