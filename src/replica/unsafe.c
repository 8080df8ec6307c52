#include "aviary/replica/unsafe.h"

#include "format.h"
#include "machine.h"
#include "recovery.h"

#include "aviary/replica.h"

#include <stdlib.h>

enum {
    UNSAFE_TERM_JUMP = 1 << 20,         /* no election that anybody remembers comes near */
    UNSAFE_GROUPS_SKIPPED = 1 << 20,    /* more than lost entries can have given */
    UNSAFE_INCARNATIONS_SKIPPED = 1000, /* likewise */
    UNSAFE_STATE_BYTES_MAX = RAFT_SNAPSHOT_BYTES_MAX + 64 * 1024,
    UNSAFE_READ_BYTES = 4 * 1024 * 1024,
};

static bool is_empty(const struct recovery *recovery) {
    return recovery->last_index == 0;
}

static uint64_t last_term(const struct recovery *recovery) {
    return recovery->run_count > 0 ? recovery->runs[recovery->run_count - 1].term : recovery->hard.base_term;
}

/* The next offset and the newest time, by the last entry; where there is none, by the state before it. */
static enum status read_position(struct storage *storage, uint64_t group, const struct recovery *recovery,
                                 int64_t *ret_offset, int64_t *ret_time_ms) {
    struct entry_header header = {0};
    enum status status = STATUS_OK;
    if (recovery->last_index > recovery->hard.base_index) {
        status = storage->operations->read_header(storage, group, recovery->last_index, &header);
    } else if (group != METADATA_GROUP && recovery->snapshot.index > 0) {
        struct partition *partition = partition_create(IDEMPOTENCY_KEYS_MAX);
        status = partition ? partition_restore(partition, recovery->snapshot.data) : STATUS_NO_MEMORY;
        if (status == STATUS_OK) {
            header.base_offset = partition_next_offset(partition);
            header.append_time_ms = partition_last_append_time_ms(partition);
        }
        partition_destroy(partition);
    }
    if (status == STATUS_OK) {
        *ret_offset = header.base_offset + header.count;
        *ret_time_ms = header.append_time_ms;
    }
    return status;
}

static enum status fill_survey(struct storage *storage, uint64_t group, const struct recovery *recovery,
                               struct unsafe_survey *ret_survey) {
    struct unsafe_survey survey = {
        .group = group,
        .empty = is_empty(recovery),
        .term = recovery->hard.term,
        .last_index = recovery->last_index,
        .last_term = last_term(recovery),
        .commit_index = recovery->hard.commit_hint,
        .configuration = recovery->configurations[recovery->configuration_count - 1].configuration,
    };
    int64_t time_ms;
    enum status status = read_position(storage, group, recovery, &survey.next_offset, &time_ms);
    if (status == STATUS_OK) {
        *ret_survey = survey;
    }
    return status;
}

enum status unsafe_survey(struct storage *storage, uint64_t group, struct unsafe_survey *ret_survey) {
    struct recovery recovery = {0};
    enum status status = recovery_read(storage, group, &recovery);
    if (status == STATUS_OK) {
        status = fill_survey(storage, group, &recovery, ret_survey);
    }
    recovery_finish(&recovery);
    return status;
}

static enum status apply_log(struct storage *storage, uint64_t last, struct metadata *metadata) {
    enum status status = STATUS_OK;
    while (status == STATUS_OK && metadata_applied_index(metadata) < last) {
        struct storage_entries read = {0};
        status = storage->operations->read_entries(
            storage, METADATA_GROUP, metadata_applied_index(metadata) + 1, last, UNSAFE_READ_BYTES, &read);
        for (size_t i = 0; status == STATUS_OK && i < read.count; i++) {
            struct slice bytes = blob_slice(read.entries[i].blob);
            struct entry_header header;
            struct metadata_result result;
            struct metadata_changes changes;
            status = entry_header_decode(bytes, &header);
            if (status == STATUS_OK) {
                status = metadata_apply(metadata, &header, entry_payload(bytes), &result, &changes);
            }
        }
        storage_entries_finish(&read);
    }
    return status;
}

enum status unsafe_read_metadata(struct storage *storage, const struct uuid *cluster_id,
                                 const struct metadata_first_voter *first_voters, size_t first_voter_count,
                                 struct metadata **ret_metadata) {
    struct recovery recovery = {0};
    struct metadata *metadata = metadata_create(cluster_id, first_voters, first_voter_count);
    enum status status = metadata ? recovery_read(storage, METADATA_GROUP, &recovery) : STATUS_NO_MEMORY;
    if (status == STATUS_OK && recovery.snapshot.index > 0) {
        status = metadata_restore(metadata, recovery.snapshot.data);
    }
    if (status == STATUS_OK) {
        status = apply_log(storage, recovery.last_index, metadata);
    }
    recovery_finish(&recovery);
    if (status != STATUS_OK) {
        metadata_destroy(metadata);
        return status;
    }
    *ret_metadata = metadata;
    return STATUS_OK;
}

static enum status put_entry(struct storage_batch *batch, const struct entry_header *header,
                             struct slice payload) {
    struct blob *blob = entry_blob_create(payload);
    if (blob == NULL) {
        return STATUS_NO_MEMORY;
    }
    entry_seal(blob, header);
    storage_batch_put_entry(batch, header->group, header->index, blob);
    blob_release(blob);
    return STATUS_OK;
}

static enum status put_configuration_entry(struct storage_batch *batch, struct entry_header header,
                                           const struct raft_configuration *configuration) {
    _cleanup_buffer_ struct buffer payload;
    buffer_init(&payload, UNSAFE_STATE_BYTES_MAX);
    raft_configuration_encode(configuration, &payload);
    header.type = RAFT_ENTRY_CONFIGURATION;
    return buffer_status(&payload) == STATUS_OK ? put_entry(batch, &header, buffer_slice(&payload))
                                                : buffer_status(&payload);
}

static enum status put_skip_entry(struct storage_batch *batch, struct entry_header header) {
    _cleanup_buffer_ struct buffer payload;
    buffer_init(&payload, UNSAFE_STATE_BYTES_MAX);
    struct metadata_command command = {
        .type = METADATA_SKIP_NUMBERS,
        .skipped_groups = UNSAFE_GROUPS_SKIPPED,
        .skipped_incarnations = UNSAFE_INCARNATIONS_SKIPPED,
    };
    metadata_command_encode(&command, &payload);
    header.type = RAFT_ENTRY_COMMAND;
    return buffer_status(&payload) == STATUS_OK ? put_entry(batch, &header, buffer_slice(&payload))
                                                : buffer_status(&payload);
}

static enum status put_hard(struct storage_batch *batch, uint64_t group, const struct hard_state *hard) {
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, UNSAFE_STATE_BYTES_MAX);
    format_hard_encode(hard, &bytes);
    storage_batch_put_state(batch, group, STORAGE_STATE_HARD, buffer_slice(&bytes));
    return buffer_status(&bytes);
}

static enum status put_configurations(struct storage_batch *batch, uint64_t group,
                                      const struct raft_indexed_configuration *configurations, size_t count) {
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, UNSAFE_STATE_BYTES_MAX);
    format_configurations_encode(configurations, count, &bytes);
    storage_batch_put_state(batch, group, STORAGE_STATE_CONFIGURATIONS, buffer_slice(&bytes));
    return buffer_status(&bytes);
}

/* Those that are known, as many as a restart takes, and the new one behind them. */
static enum status put_grown_configurations(struct storage_batch *batch, uint64_t group,
                                            const struct recovery *recovery,
                                            const struct raft_indexed_configuration *forced) {
    struct raft_indexed_configuration all[RAFT_CONFIGURATIONS_MAX];
    size_t count = recovery->configuration_count;
    size_t from = count < RAFT_CONFIGURATIONS_MAX ? 0 : count - (RAFT_CONFIGURATIONS_MAX - 1);
    memcpy(all, &recovery->configurations[from], (count - from) * sizeof all[0]);
    all[count - from] = *forced;
    return put_configurations(batch, group, all, count - from + 1);
}

static uint64_t term_above(const struct recovery *recovery) {
    uint64_t term = last_term(recovery);
    return (recovery->hard.term > term ? recovery->hard.term : term) + UNSAFE_TERM_JUMP;
}

static enum status take(struct storage *storage, uint64_t group, const struct recovery *recovery,
                        raft_id self, struct storage_batch *batch) {
    struct entry_header header = {.group = group, .index = recovery->last_index + 1};
    header.term = term_above(recovery);
    struct raft_indexed_configuration forced = {
        .index = header.index,
        .configuration = {.count = 1, .members = {{.id = self, .voter = true}}},
    };
    struct hard_state hard = recovery->hard;
    hard.term = header.term;
    hard.vote = 0;
    enum status status = read_position(storage, group, recovery, &header.base_offset, &header.append_time_ms);
    if (status == STATUS_OK) {
        status = put_configuration_entry(batch, header, &forced.configuration);
    }
    if (status == STATUS_OK && group == METADATA_GROUP) {
        header.index++;
        status = put_skip_entry(batch, header);
    }
    hard.last_index = header.index;
    if (status == STATUS_OK) {
        status = put_hard(batch, group, &hard);
    }
    return status == STATUS_OK ? put_grown_configurations(batch, group, recovery, &forced) : status;
}

enum status unsafe_take(struct storage *storage, uint64_t group, raft_id self, struct storage_batch *batch) {
    struct recovery recovery = {0};
    enum status status = recovery_read(storage, group, &recovery);
    if (status == STATUS_OK) {
        status = take(storage, group, &recovery, self, batch);
    }
    recovery_finish(&recovery);
    return status;
}

/* The state of a partition that has given every offset below `first_offset` and keeps no record. */
static enum status put_empty_state(struct storage_batch *batch, uint64_t group,
                                   const struct raft_indexed_configuration *forced, uint64_t term,
                                   int64_t first_offset, int64_t now_ms) {
    _cleanup_buffer_ struct buffer data;
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&data, UNSAFE_STATE_BYTES_MAX);
    buffer_init(&bytes, UNSAFE_STATE_BYTES_MAX);
    struct partition *partition = partition_create(IDEMPOTENCY_KEYS_MAX);
    if (partition == NULL) {
        return STATUS_NO_MEMORY;
    }
    partition_snapshot_at(partition, forced->index, first_offset, now_ms, &data);
    partition_destroy(partition);
    struct snapshot_state snapshot = {
        .index = forced->index,
        .term = term,
        .configuration = forced->configuration,
        .data = buffer_slice(&data),
    };
    format_snapshot_encode(&snapshot, &bytes);
    storage_batch_put_state(batch, group, STORAGE_STATE_SNAPSHOT, buffer_slice(&bytes));
    return buffer_status(&data) == STATUS_OK ? buffer_status(&bytes) : buffer_status(&data);
}

static enum status begin_anew(uint64_t group, const struct recovery *recovery, raft_id self,
                              int64_t first_offset, int64_t now_ms, struct storage_batch *batch) {
    uint64_t term = term_above(recovery);
    /* Behind all that an old replica may hold, should one turn up all the same: it then takes the new state.
     */
    struct raft_indexed_configuration forced = {
        .index = (uint64_t)first_offset,
        .configuration = {.count = 1, .members = {{.id = self, .voter = true}}},
    };
    struct hard_state hard = {
        .term = term,
        .base_index = forced.index,
        .base_term = term,
        .commit_hint = forced.index,
        .last_index = forced.index,
    };
    enum status status = put_empty_state(batch, group, &forced, term, first_offset, now_ms);
    if (status == STATUS_OK) {
        status = put_hard(batch, group, &hard);
    }
    return status == STATUS_OK ? put_configurations(batch, group, &forced, 1) : status;
}

enum status unsafe_begin_anew(struct storage *storage, uint64_t group, raft_id self, int64_t first_offset,
                              int64_t now_ms, struct storage_batch *batch) {
    struct recovery recovery = {0};
    enum status status = recovery_read(storage, group, &recovery);
    if (status == STATUS_OK) {
        status = group != METADATA_GROUP && is_empty(&recovery)
                     ? begin_anew(group, &recovery, self, first_offset, now_ms, batch)
                     : STATUS_INVALID;
    }
    recovery_finish(&recovery);
    return status;
}
