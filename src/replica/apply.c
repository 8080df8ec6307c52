/*
 * Applies committed entries to the state machine, in order, and tells those who wait for them.
 */
#include "node_private.h"

#include <stdlib.h>

enum { APPLY_READ_BYTES = 4 * 1024 * 1024 };

static void apply_answer(struct group *group, uint64_t index, uint64_t term,
                         const struct metadata_result *result) {
    const struct node_observer *observer = &group->node->options.observer;
    struct waiter waiter;
    while (waiters_take(&group->waiters, index, &waiter)) {
        waiter.answer.status =
            waiter.answer.term == term || waiter.answer.duplicate ? STATUS_OK : STATUS_UNKNOWN;
        waiter.answer.result = *result;
        observer->answered(observer->context, &waiter.answer);
    }
}

static enum status apply_metadata(struct group *group, const struct entry_header *header,
                                  struct slice payload, struct metadata_result *ret_result) {
    struct node *node = group->node;
    const struct node_observer *observer = &node->options.observer;
    struct metadata_changes changes = {0};
    observer->metadata_changing(observer->context);
    enum status status = metadata_apply(group->machine.metadata, header, payload, ret_result, &changes);
    observer->metadata_changed(observer->context, &changes);
    for (size_t i = 0; status == STATUS_OK && i < changes.deleted_group_count; i++) {
        node_remove_group(node, changes.deleted_groups[i]);
    }
    if (changes.topic_created || changes.brokers) {
        node->assignments_changed = true;
    }
    return status;
}

static enum status apply_entry(struct group *group, const struct raft_entry *entry) {
    struct entry_header header;
    enum status status = entry_header_decode(blob_slice(entry->blob), &header);
    if (status != STATUS_OK) {
        return status;
    }
    struct slice payload = entry_payload(blob_slice(entry->blob));
    struct metadata_result result = {0};
    int64_t log_start = 0;
    if (group->machine.metadata) {
        status = apply_metadata(group, &header, payload, &result);
    } else {
        log_start = partition_log_start_offset(group->machine.partition);
        status = partition_apply(group->machine.partition, &header, payload);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct node_observer *observer = &group->node->options.observer;
    if (header.type == RAFT_ENTRY_RECORDS) {
        observer->applied(observer->context, group->id, entry, &header);
    }
    group->bytes_since_checkpoint += entry->blob->size;
    backlog_applied(group, &header, entry->blob);
    apply_answer(group, header.index, header.term, &result);
    if (group->machine.partition && partition_log_start_offset(group->machine.partition) != log_start) {
        compact_to_log_start(group);
    }
    return STATUS_OK;
}

/* Applies from the tail; what is no longer there (after a restart) is read from storage. */
static enum status apply_from(struct group *group, uint64_t index, uint64_t last) {
    const struct raft_entry *entry = tail_find(&group->tail, index);
    if (entry) {
        return apply_entry(group, entry);
    }
    if (last >= tail_first(&group->tail)) {
        last = tail_first(&group->tail) - 1;
    }
    struct storage *storage = group->node->options.storage;
    struct storage_entries read = {0};
    enum status status =
        storage->operations->read_entries(storage, group->id, index, last, APPLY_READ_BYTES, &read);
    for (size_t i = 0; status == STATUS_OK && i < read.count; i++) {
        status = apply_entry(group, &read.entries[i]);
    }
    storage_entries_finish(&read);
    return status;
}

static void apply_reads(struct group *group) {
    const struct node_observer *observer = &group->node->options.observer;
    uint64_t applied = machine_applied_index(&group->machine);
    size_t kept = 0;
    for (size_t i = 0; i < group->read_count; i++) {
        if (group->reads[i].index <= applied) {
            observer->read_ready(observer->context, group->reads[i].context, STATUS_OK);
        } else {
            group->reads[kept++] = group->reads[i];
        }
    }
    group->read_count = kept;
}

bool group_apply(struct group *group) {
    uint64_t commit = raft_commit_index(group->raft);
    uint64_t stop = machine_applied_index(&group->machine) + group->node->options.apply_entries_max;
    uint64_t last = commit < stop ? commit : stop;
    bool applied_any = machine_applied_index(&group->machine) < last;
    while (!group->node->failed && machine_applied_index(&group->machine) < last) {
        enum status status = apply_from(group, machine_applied_index(&group->machine) + 1, last);
        if (status != STATUS_OK) {
            node_fail(group->node, group->id, status, "a committed entry could not be applied");
        }
    }
    if (applied_any) {
        group->status_dirty = true;
        checkpoint_maybe(group);
    }
    apply_reads(group); /* a snapshot may have brought what they wait for, too */
    if (commit > group->commit_hint && group->hint_due_ms == 0) {
        enum { COMMIT_HINT_DELAY_MS = 1000 };
        group->hint_due_ms = group->node->now_ms + COMMIT_HINT_DELAY_MS;
    }
    uint64_t settled = machine_applied_index(&group->machine);
    settled = settled < group->persisted ? settled : group->persisted;
    tail_evict(&group->tail, group->node->options.tail_bytes_max, settled);
    return machine_applied_index(&group->machine) < commit;
}

void group_answer_persisted(struct group *group) {
    const struct node_observer *observer = &group->node->options.observer;
    struct waiter waiter;
    while (waiters_take_persisted(&group->waiters, group->persisted, &waiter)) {
        waiter.answer.status = STATUS_OK;
        observer->answered(observer->context, &waiter.answer);
    }
}

static enum status read_add(struct group *group, uint64_t context) {
    if (group->read_count == group->read_capacity) {
        size_t capacity = group->read_capacity ? group->read_capacity * 2 : 16;
        if (capacity > GROUP_READS_MAX) {
            return STATUS_FULL;
        }
        struct group_read *grown = realloc(group->reads, capacity * sizeof *grown);
        if (grown == NULL) {
            return STATUS_NO_MEMORY;
        }
        group->reads = grown;
        group->read_capacity = capacity;
    }
    group->reads[group->read_count++] = (struct group_read){.context = context, .index = UINT64_MAX};
    return STATUS_OK;
}

/* NULL: it was answered. */
static struct group_read *read_find(const struct group *group, uint64_t context) {
    for (size_t i = 0; i < group->read_count; i++) {
        if (group->reads[i].context == context) {
            return &group->reads[i];
        }
    }
    return NULL;
}

static void read_remove(struct group *group, struct group_read *read) {
    group->read_count--;
    *read = group->reads[group->read_count];
}

enum status group_begin_read(struct group *group, uint64_t context) {
    enum status status = read_add(group, context);
    if (status != STATUS_OK) {
        return status;
    }
    struct raft_event event = {.type = RAFT_EVENT_READ_INDEX, .context = context};
    status = group_step(group, &event);
    struct group_read *read = status == STATUS_OK ? NULL : read_find(group, context);
    if (read) {
        read_remove(group, read);
    }
    return status;
}

void group_confirm_read(struct group *group, const struct raft_read *confirmed) {
    const struct node_observer *observer = &group->node->options.observer;
    struct group_read *read = read_find(group, confirmed->context);
    ASSERT(read != NULL);
    if (confirmed->status == STATUS_OK && confirmed->index > machine_applied_index(&group->machine)) {
        read->index = confirmed->index;
        return;
    }
    read_remove(group, read);
    observer->read_ready(observer->context, confirmed->context, confirmed->status);
}

void group_fail_reads(struct group *group, enum status status) {
    const struct node_observer *observer = &group->node->options.observer;
    for (size_t i = 0; i < group->read_count; i++) {
        observer->read_ready(observer->context, group->reads[i].context, status);
    }
    group->read_count = 0;
}
