/*
 * The node: its groups, its inputs, and node_flush, which owns the order persist -> send -> apply.
 */
#include "node_private.h"

#include <stdlib.h>

enum { SCRATCH_BYTES_MAX = RAFT_SNAPSHOT_BYTES_MAX + 64 * 1024, MEMBERSHIP_INTERVAL_MS = 100 };

/* Where `id` stands among the groups, or would stand. */
static size_t node_position(const struct node *node, uint64_t id) {
    size_t low = 0;
    size_t high = node->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (node->groups[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct group *node_find(const struct node *node, uint64_t id) {
    size_t position = node_position(node, id);
    bool found = position < node->group_count && node->groups[position]->id == id;
    return found ? node->groups[position] : NULL;
}

enum status node_add(struct node *node, struct group *group) {
    if (node->group_count >= GROUPS_PER_BROKER_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (node->group_count == node->group_capacity) {
        size_t capacity = node->group_capacity ? node->group_capacity * 2 : 16;
        struct group **grown = realloc(node->groups, capacity * sizeof *grown);
        if (grown == NULL) {
            return STATUS_NO_MEMORY;
        }
        node->groups = grown;
        node->group_capacity = capacity;
    }
    size_t position = node_position(node, group->id);
    memmove(&node->groups[position + 1], &node->groups[position],
            (node->group_count - position) * sizeof(struct group *));
    node->groups[position] = group;
    node->group_count++;
    node->options.observer.opened(node->options.observer.context, group->id);
    return STATUS_OK;
}

void node_remove_group(struct node *node, uint64_t id) {
    size_t position = node_position(node, id);
    if (position == node->group_count || node->groups[position]->id != id) {
        return;
    }
    struct group *group = node->groups[position];
    struct storage_batch *batch = node_batch(node);
    if (batch) {
        storage_batch_remove_group(batch, id);
        group_store_hard(node_metadata_group(node));
    }
    group_fail_waiters(group, STATUS_UNKNOWN);
    group_fail_reads(group, STATUS_NOT_FOUND);
    backlog_forget(group);
    group_destroy(group);
    node->group_count--;
    memmove(&node->groups[position], &node->groups[position + 1],
            (node->group_count - position) * sizeof(struct group *));
    node->options.observer.closed(node->options.observer.context, id);
}

void node_fail(struct node *node, uint64_t group, enum status status, const char *what) {
    if (node->failed) {
        return;
    }
    node->failed = true;
    node->options.observer.failed(node->options.observer.context, group, status, what);
}

/* Opens what storage holds beyond group 0: partitions run without waiting for the metadata group. */
static enum status node_open_partitions(struct node *node, struct error *error) {
    _cleanup_free_ uint64_t *ids = NULL;
    size_t count = 0;
    struct storage *storage = node->options.storage;
    enum status status = storage->operations->list_groups(storage, &ids, &count);
    if (status != STATUS_OK) {
        return error_set(error, status, "the groups in storage cannot be listed (%s)", status_name(status));
    }
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == METADATA_GROUP || ids[i] == STORAGE_GROUP_BROKER) {
            continue;
        }
        struct group *group;
        status = group_open(node, ids[i], &(struct raft_configuration){0}, &group, error);
        if (status != STATUS_OK) {
            return status;
        }
        status = node_add(node, group);
        if (status != STATUS_OK) {
            group_destroy(group);
            return error_set(error, status, "no room for the replica of group %lu", (unsigned long)ids[i]);
        }
    }
    return STATUS_OK;
}

static enum status node_open_metadata(struct node *node, const struct node_options *options,
                                      struct error *error) {
    struct raft_configuration first;
    metadata_first_configuration(options->first_voter_count, &first);
    node->first_metadata =
        metadata_create(&options->cluster_id, options->first_voters, options->first_voter_count);
    if (node->first_metadata == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for the metadata");
    }
    struct group *group;
    enum status status = group_open(node, METADATA_GROUP, &first, &group, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = node_add(node, group);
    if (status != STATUS_OK) {
        group_destroy(group);
        return error_set(error, status, "no room for the replica of the metadata group");
    }
    node->metadata_recovered = raft_commit_index(group->raft);
    node->options.observer.metadata_changing(node->options.observer.context);
    node->options.observer.metadata_changed(node->options.observer.context, NULL);
    return STATUS_OK;
}

enum status node_open(const struct node_options *options, struct node **ret_node, struct error *error) {
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for a node");
    }
    node->options = *options;
    node->options.first_voters = NULL;
    node->now_ms = options->now_ms;
    node->next_token = 1;
    raft_effects_init(&node->effects);
    buffer_init(&node->scratch, SCRATCH_BYTES_MAX);
    list_init(&node->records);
    list_init(&node->held);
    list_init(&node->dirty);
    enum status status = node_open_metadata(node, options, error);
    if (status == STATUS_OK) {
        status = node_open_partitions(node, error);
    }
    if (status != STATUS_OK) {
        node_destroy(node);
        return status;
    }
    node->assignments_changed = true;
    *ret_node = node;
    return STATUS_OK;
}

static void node_destroy_records(struct node *node) {
    while (!list_empty(&node->records)) {
        struct batch_record *record = LIST_ENTRY(node->records.next, struct batch_record, node);
        list_remove(&record->node);
        free(record->marks);
        free(record);
    }
    while (!list_empty(&node->held)) {
        struct held_message *held = LIST_ENTRY(node->held.next, struct held_message, node);
        list_remove(&held->node);
        free(held);
    }
}

void node_answer_waiting(struct node *node) {
    for (size_t i = 0; i < node->group_count; i++) {
        group_fail_waiters(node->groups[i], STATUS_UNKNOWN);
        group_fail_reads(node->groups[i], STATUS_UNAVAILABLE);
    }
}

void node_destroy(struct node *node) {
    if (node == NULL) {
        return;
    }
    node_answer_waiting(node);
    for (size_t i = 0; i < node->group_count; i++) {
        group_destroy(node->groups[i]);
    }
    free(node->groups);
    metadata_destroy(node->first_metadata);
    storage_batch_destroy(node->batch);
    node_destroy_records(node);
    raft_effects_finish(&node->effects);
    buffer_finish(&node->scratch);
    free(node);
}

void node_tick(struct node *node, uint64_t now_ms) {
    node->now_ms = now_ms;
    for (size_t i = 0; i < node->group_count && !node->failed; i++) {
        struct group *group = node->groups[i];
        struct raft_event event = {.type = RAFT_EVENT_TICK};
        (void)group_step(group, &event);
        transfer_tick(group);
        if (group->hint_due_ms != 0 && now_ms >= group->hint_due_ms) {
            group_store_hard(group);
        }
    }
    if (now_ms >= node->membership_due_ms) {
        node->membership_due_ms = now_ms + MEMBERSHIP_INTERVAL_MS;
        node_reconcile_members(node);
        node_judge_majorities(node);
    }
}

void node_receive(struct node *node, uint64_t now_ms, const struct raft_message *message) {
    node->now_ms = now_ms;
    struct group *group = node_find(node, message->group);
    if (group == NULL || message->to != node->options.self || message->from == node->options.self) {
        return;
    }
    /* The leader sends it again when the disk has caught up; its heartbeats bring no entries. */
    if (message->entry_count > 0 && group->id != METADATA_GROUP && backlog_is_unsaved(node)) {
        return;
    }
    if (message->type == RAFT_MESSAGE_SNAPSHOT) {
        arrival_receive(group, message);
    } else if (message->type == RAFT_MESSAGE_SNAPSHOT_RESPONSE) {
        transfer_response(group, message);
    } else {
        struct raft_event event = {.type = RAFT_EVENT_MESSAGE, .message = message};
        (void)group_step(group, &event);
    }
}

void node_peer_closed(struct node *node, uint64_t now_ms, raft_id peer) {
    node->now_ms = now_ms;
    for (size_t i = 0; i < node->group_count; i++) {
        struct raft_event event = {.type = RAFT_EVENT_PEER_CLOSED, .peer = peer};
        (void)group_step(node->groups[i], &event);
    }
}

void node_propose(struct node *node, uint64_t now_ms, int64_t wall_ms, const struct node_proposal *proposal) {
    node->now_ms = now_ms;
    struct group *group = node_find(node, proposal->group);
    if (group && !node->failed) {
        group_propose(group, wall_ms, proposal);
    } else {
        struct node_answer answer = {
            .context = proposal->context,
            .group = proposal->group,
            .status = group ? STATUS_UNAVAILABLE : STATUS_NOT_FOUND,
        };
        node->options.observer.answered(node->options.observer.context, &answer);
    }
    blob_release(proposal->blob);
}

void node_read_index(struct node *node, uint64_t now_ms, uint64_t group_id, uint64_t read_context) {
    node->now_ms = now_ms;
    struct group *group = node_find(node, group_id);
    enum status status = group ? group_begin_read(group, read_context) : STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        node->options.observer.read_ready(node->options.observer.context, read_context, status);
    }
}

enum status node_transfer(struct node *node, uint64_t now_ms, uint64_t group_id, raft_id to) {
    node->now_ms = now_ms;
    struct group *group = node_find(node, group_id);
    struct raft_event event = {.type = RAFT_EVENT_TRANSFER, .peer = to};
    return group ? group_step(group, &event) : STATUS_NOT_FOUND;
}

void node_set_metadata_preference(struct node *node, uint32_t rank, uint64_t hold_ms) {
    raft_set_preference(node_metadata_group(node)->raft, rank, hold_ms);
}

/* Tells what changed since the last time. */
static void group_tell_status(struct group *group) {
    bool ready = group_is_ready(group);
    if (!group->status_dirty && ready == group->was_ready) {
        return;
    }
    struct node_status status;
    group_status_fill(group, &status);
    group->status_dirty = false;
    group->was_ready = ready;
    group->node->options.observer.status(group->node->options.observer.context, &status);
}

void node_flush(struct node *node, uint64_t now_ms) {
    node->now_ms = now_ms;
    struct list later;
    list_init(&later);
    if (node->assignments_changed) {
        node_apply_assignments(node);
    }
    node_submit(node); /* persist: what the inputs since the last flush asked for */
    while (!list_empty(&node->dirty) && !node->failed) {
        struct group *group = LIST_ENTRY(node->dirty.next, struct group, dirty_node);
        list_remove(&group->dirty_node);
        group->dirty = false;
        group_send_appends(group);
        bool more = group_apply(group);
        if (more && !group->dirty) {
            list_append(&later, &group->dirty_node);
            group->dirty = true;
        }
        group_tell_status(group);
    }
    list_move_all(&node->dirty, &later);
    node_submit(node); /* and what applying asked for: saved states, moved log starts, removed groups */
    transport_flush(node->options.transport);
}

bool node_has_work(const struct node *node) {
    return !node->failed && (!list_empty(&node->dirty) || node->assignments_changed);
}

void node_checkpoint(struct node *node) {
    for (size_t i = 0; i < node->group_count && !node->failed; i++) {
        struct group *group = node->groups[i];
        if (machine_applied_index(&group->machine) > group->checkpoint_index) {
            checkpoint_save(group);
        }
        group_store_hard(group);
    }
}
