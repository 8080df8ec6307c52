/*
 * Opens a group: from what storage holds of it, or new.
 */
#include "node_private.h"
#include "recovery.h"

#include <stdlib.h>

enum status group_read_header(const struct group *group, uint64_t index, struct entry_header *ret_header) {
    const struct raft_entry *entry = tail_find(&group->tail, index);
    if (entry) {
        return entry_header_decode(blob_slice(entry->blob), ret_header);
    }
    struct storage *storage = group->node->options.storage;
    return storage->operations->read_header(storage, group->id, index, ret_header);
}

enum status group_read_position(const struct group *group, uint64_t index, int64_t *ret_offset,
                                int64_t *ret_time_ms) {
    const struct partition *partition = group->machine.partition;
    struct entry_header header = {0};
    if (partition && index - 1 > partition_applied_index(partition)) {
        enum status status = group_read_header(group, index - 1, &header);
        if (status != STATUS_OK) {
            return status;
        }
    } else if (partition) {
        header.base_offset = partition_next_offset(partition);
        header.append_time_ms = partition_last_append_time_ms(partition);
    }
    *ret_offset = header.base_offset + header.count;
    *ret_time_ms = header.append_time_ms;
    return STATUS_OK;
}

static enum status recovery_of_new(const struct raft_configuration *first, struct recovery *recovery) {
    recovery->configurations = calloc(1, sizeof *recovery->configurations);
    if (recovery->configurations == NULL) {
        return STATUS_NO_MEMORY;
    }
    recovery->configurations[0].configuration = *first;
    recovery->configuration_count = 1;
    return STATUS_OK;
}

static enum status group_start_raft(struct group *group, const struct recovery *recovery) {
    const struct node_options *options = &group->node->options;
    uint64_t commit = recovery->hard.commit_hint;
    if (commit < recovery->hard.base_index) {
        commit = recovery->hard.base_index;
    }
    if (commit < recovery->snapshot.index) {
        commit = recovery->snapshot.index;
    }
    struct raft_options raft_options = {
        .self = options->self,
        .heartbeat_ms = options->heartbeat_ms,
        .election_min_ms = options->election_min_ms,
        .election_max_ms = options->election_max_ms,
        .inflight_appends_max = options->inflight_appends_max,
        .inflight_bytes_max = options->inflight_bytes_max,
        .append_entries_max = options->append_entries_max,
        .seed = options->seed ^ (group->id * UINT64_C(0x9e3779b97f4a7c15)) ^ (options->self << 32),
        .now_ms = group->node->now_ms,
    };
    struct raft_restart restart = {
        .term = recovery->hard.term,
        .vote = recovery->hard.vote,
        .snapshot_index = recovery->hard.base_index,
        .snapshot_term = recovery->hard.base_term,
        .last_index = recovery->last_index,
        .runs = recovery->runs,
        .run_count = recovery->run_count,
        .configurations = recovery->configurations,
        .configuration_count = recovery->configuration_count,
        .commit_index = commit,
    };
    return raft_create(&raft_options, &restart, &group->raft);
}

static enum status group_start_machine(struct group *group, const struct recovery *recovery) {
    if (group->id != METADATA_GROUP) {
        group->machine.partition = partition_create(group->node->options.idempotency_keys_max);
        if (group->machine.partition == NULL) {
            return STATUS_NO_MEMORY;
        }
    }
    return recovery->snapshot.index > 0 ? machine_restore(&group->machine, recovery->snapshot.data)
                                        : STATUS_OK;
}

static enum status group_recover(struct group *group, const struct raft_configuration *first) {
    struct recovery recovery = {0};
    enum status status = recovery_read(group->node->options.storage, group->id, &recovery);
    bool is_new = status == STATUS_NOT_FOUND;
    if (is_new) {
        status = first->count > 0 ? recovery_of_new(first, &recovery) : STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        status = group_start_machine(group, &recovery);
    }
    if (status == STATUS_OK) {
        status = group_start_raft(group, &recovery);
    }
    if (status == STATUS_OK) {
        group->base_index = recovery.hard.base_index;
        group->base_term = recovery.hard.base_term;
        group->stored_last = recovery.last_index;
        group->persisted = recovery.last_index;
        group->commit_hint = recovery.hard.commit_hint;
        group->checkpoint_index = recovery.snapshot.index;
        group->checkpoint_size = recovery.snapshot.data.size;
        if (is_new) {
            group_store_hard(group);
            group_store_configurations(group);
        }
        group->status_dirty = true;
        group_mark_dirty(group);
    }
    recovery_finish(&recovery);
    return status;
}

enum status group_open(struct node *node, uint64_t id, const struct raft_configuration *first,
                       struct group **ret_group, struct error *error) {
    struct group *group = calloc(1, sizeof *group);
    if (group == NULL) {
        return error_set(error, STATUS_NO_MEMORY, "no memory for the replica of group %lu",
                         (unsigned long)id);
    }
    group->node = node;
    group->id = id;
    list_init(&group->dirty_node);
    if (id == METADATA_GROUP) {
        group->machine.metadata = TAKE_POINTER(node->first_metadata);
    }
    enum status status = group_recover(group, first);
    if (status != STATUS_OK) {
        group_destroy(group);
        return error_set(
            error, status,
            "the state of group %lu cannot be read (%s): restore the data directory, or remove it to "
            "let the broker come back empty and catch up from the others",
            (unsigned long)id, status_name(status));
    }
    *ret_group = group;
    return STATUS_OK;
}

void group_destroy(struct group *group) {
    if (group == NULL) {
        return;
    }
    list_remove(&group->dirty_node);
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        blob_release(group->transfers[i].data);
    }
    arrival_finish(group);
    raft_destroy(group->raft);
    machine_finish(&group->machine);
    tail_finish(&group->tail);
    waiters_finish(&group->waiters);
    free(group->reads);
    free(group);
}
