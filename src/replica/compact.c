/*
 * Saves states, so that a restart applies little, and moves the start of logs.
 */
#include "format.h"
#include "node_private.h"

enum {
    CHECKPOINT_WRITE_RATIO = 8
}; /* bytes of log between two states, at least so many times the state's own size */

const struct raft_configuration *group_configuration_for(const struct group *group, uint64_t index) {
    const struct raft_configuration *configuration = raft_configuration_at(group->raft, index);
    size_t count;
    return configuration ? configuration : &raft_configurations(group->raft, &count)[0].configuration;
}

bool checkpoint_save(struct group *group) {
    struct node *node = group->node;
    struct storage_batch *batch = node_batch(node);
    uint64_t applied = machine_applied_index(&group->machine);
    if (batch == NULL) {
        return false;
    }
    _cleanup_buffer_ struct buffer data;
    buffer_init(&data, RAFT_SNAPSHOT_BYTES_MAX);
    machine_snapshot(&group->machine, &data);
    struct snapshot_state snapshot = {
        .index = applied,
        .term = raft_term_at(group->raft, applied),
        .configuration = *group_configuration_for(group, applied),
        .data = buffer_slice(&data),
    };
    buffer_clear(&node->scratch);
    format_snapshot_encode(&snapshot, &node->scratch);
    if (buffer_status(&data) != STATUS_OK || buffer_status(&node->scratch) != STATUS_OK) {
        node_fail(node, group->id, STATUS_NO_MEMORY, "no memory to save a state");
        return false;
    }
    storage_batch_put_state(batch, group->id, STORAGE_STATE_SNAPSHOT, buffer_slice(&node->scratch));
    group->checkpoint_index = applied;
    group->checkpoint_size = data.size;
    group->bytes_since_checkpoint = 0;
    return true;
}

/* Removes entries up to `index`, which is applied, saved, and handed to storage. */
static void compact_to(struct group *group, uint64_t index) {
    struct storage_batch *batch = node_batch(group->node);
    if (batch == NULL || index <= group->base_index) {
        return;
    }
    ASSERT(index <= group->checkpoint_index);
    uint64_t term = raft_term_at(group->raft, index);
    storage_batch_remove_entries(batch, group->id, group->base_index + 1, index);
    group->base_index = index;
    group->base_term = term;
    struct raft_event event = {.type = RAFT_EVENT_COMPACTED, .index = index};
    (void)group_step(group, &event);
    group_store_hard(group);
    group_store_configurations(group);
}

void checkpoint_maybe(struct group *group) {
    const struct node_options *options = &group->node->options;
    uint64_t applied = machine_applied_index(&group->machine);
    uint64_t bytes_due = group->checkpoint_size * CHECKPOINT_WRITE_RATIO;
    if (bytes_due < options->checkpoint_bytes) {
        bytes_due = options->checkpoint_bytes;
    }
    if (applied - group->checkpoint_index < options->checkpoint_entries &&
        group->bytes_since_checkpoint < bytes_due) {
        return;
    }
    if (checkpoint_save(group) && group->machine.metadata && applied > options->metadata_log_keep) {
        compact_to(group, applied - options->metadata_log_keep);
    }
}

/*
 * The last index whose entry, and all before it, hold only offsets below the log start. Base offsets never
 * decrease with the index, so it is a binary search over headers.
 */
static enum status compact_find(struct group *group, int64_t log_start, uint64_t *ret_index) {
    uint64_t low = group->base_index + 1; /* invariant: everything before `low` may go */
    uint64_t high =
        machine_applied_index(&group->machine); /* and this one must stay: it holds the LOG_START itself */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct entry_header header;
        enum status status = group_read_header(group, middle, &header);
        if (status != STATUS_OK) {
            return status;
        }
        if (header.base_offset + header.count <= log_start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_index = low - 1;
    return STATUS_OK;
}

void compact_to_log_start(struct group *group) {
    uint64_t index;
    enum status status = compact_find(group, partition_log_start_offset(group->machine.partition), &index);
    if (status != STATUS_OK) {
        node_fail(group->node, group->id, status, "the log's start could not be found");
        return;
    }
    if (index > group->base_index && checkpoint_save(group)) {
        compact_to(group, index);
    }
}
