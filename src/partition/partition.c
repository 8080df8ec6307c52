#include "aviary/partition.h"

#include "aviary/base/assert.h"
#include "aviary/base/bytes.h"
#include "state.h"

#include <stdlib.h>

struct partition *partition_create(size_t keys_max) {
    struct partition *partition = calloc(1, sizeof *partition);
    if (partition) {
        key_table_init(&partition->applied.keys, keys_max);
        key_table_init(&partition->pending.keys, PENDING_KEYS_MAX);
    }
    return partition;
}

void partition_destroy(struct partition *partition) {
    if (!partition) {
        return;
    }
    key_table_finish(&partition->applied.keys);
    key_table_finish(&partition->pending.keys);
    free(partition);
}

uint64_t partition_applied_index(const struct partition *partition) {
    return partition->applied.index;
}

int64_t partition_next_offset(const struct partition *partition) {
    return partition->applied.next_offset;
}

int64_t partition_log_start_offset(const struct partition *partition) {
    return partition->applied.log_start_offset;
}

int64_t partition_last_append_time_ms(const struct partition *partition) {
    return partition->applied.last_append_time_ms;
}

size_t partition_key_count(const struct partition *partition) {
    return partition->applied.keys.count;
}

static struct key_record key_record_of(const struct entry_header *header) {
    return (struct key_record){
        .key = header->key,
        .payload = header->payload,
        .answer =
            {
                .index = header->index,
                .base_offset = header->base_offset,
                .count = header->count,
                .append_time_ms = header->append_time_ms,
            },
    };
}

/* A key that came before keeps its first answer. */
static enum status remember_key(struct key_table *keys, const struct entry_header *header) {
    if (key_table_find(keys, &header->key)) {
        return STATUS_OK;
    }
    enum status status = key_table_reserve(keys);
    if (status != STATUS_OK) {
        return status;
    }
    if (keys->count == keys->count_max) {
        key_table_pop(keys);
    }
    struct key_record record = key_record_of(header);
    key_table_push(keys, &record);
    return STATUS_OK;
}

static enum status apply_records(struct partition_applied *applied, const struct entry_header *header) {
    if (header->base_offset != applied->next_offset || header->count == 0 ||
        header->count > INT64_MAX - applied->next_offset ||
        header->append_time_ms < applied->last_append_time_ms) {
        return STATUS_CORRUPT;
    }
    if (header->flags & ENTRY_HAS_KEY) {
        enum status status = remember_key(&applied->keys, header);
        if (status != STATUS_OK) {
            return status;
        }
    }
    applied->next_offset += header->count;
    applied->last_append_time_ms = header->append_time_ms;
    return STATUS_OK;
}

/* Two leaders may have decided one after the other, the later knowing less: only forward, only what is there.
 */
static enum status apply_log_start(struct partition_applied *applied, struct slice payload) {
    struct reader reader = reader_make(payload);
    uint64_t offset = reader_u64(&reader);
    if (!reader_done(&reader)) {
        return STATUS_CORRUPT;
    }
    if (offset > (uint64_t)applied->log_start_offset && offset <= (uint64_t)applied->next_offset) {
        applied->log_start_offset = (int64_t)offset;
    }
    return STATUS_OK;
}

static enum status apply_entry(struct partition_applied *applied, const struct entry_header *header,
                               struct slice payload) {
    switch (header->type) {
    case RAFT_ENTRY_NOOP:
    case RAFT_ENTRY_CONFIGURATION:
        return STATUS_OK;
    case RAFT_ENTRY_RECORDS:
        return apply_records(applied, header);
    case RAFT_ENTRY_LOG_START:
        return apply_log_start(applied, payload);
    case RAFT_ENTRY_COMMAND:
        break;
    }
    return STATUS_CORRUPT;
}

enum status partition_apply(struct partition *partition, const struct entry_header *header,
                            struct slice payload) {
    struct partition_applied *applied = &partition->applied;
    ASSERT(header->index == applied->index + 1);
    enum status status = apply_entry(applied, header, payload);
    if (status != STATUS_OK) {
        return status;
    }
    applied->index = header->index;
    struct key_table *pending = &partition->pending.keys;
    if (pending->count > 0 && key_table_at(pending, 0)->answer.index == applied->index) {
        key_table_pop(pending);
    }
    return STATUS_OK;
}

enum partition_key_state partition_find_key(const struct partition *partition, const struct hash128 *key,
                                            const struct hash128 *payload,
                                            struct partition_answer *ret_answer) {
    enum partition_key_state state = PARTITION_KEY_DUPLICATE;
    const struct key_record *record = key_table_find(&partition->applied.keys, key);
    if (!record) {
        state = PARTITION_KEY_PENDING;
        record = key_table_find(&partition->pending.keys, key);
    }
    if (!record) {
        return PARTITION_KEY_NEW;
    }
    if (!hash128_equal(&record->payload, payload)) {
        return PARTITION_KEY_MISMATCH;
    }
    *ret_answer = record->answer;
    return state;
}

static bool has_pending(const struct partition *partition) {
    return partition->pending.last_index > partition->applied.index;
}

int64_t partition_pending_next_offset(const struct partition *partition) {
    return has_pending(partition) ? partition->pending.next_offset : partition->applied.next_offset;
}

static int64_t pending_last_append_time_ms(const struct partition *partition) {
    return has_pending(partition) ? partition->pending.last_append_time_ms
                                  : partition->applied.last_append_time_ms;
}

static enum status make_room_for_key(struct partition *partition, const struct hash128 *key) {
    struct key_table *keys = &partition->pending.keys;
    ASSERT(!key_table_find(&partition->applied.keys, key));
    return keys->count == keys->count_max ? STATUS_FULL : key_table_reserve(keys);
}

enum status partition_propose(struct partition *partition, struct entry_header *header, int64_t now_ms) {
    struct partition_pending *pending = &partition->pending;
    ASSERT(header->type == RAFT_ENTRY_RECORDS);
    ASSERT(header->count > 0);
    ASSERT(header->index > partition->applied.index);
    ASSERT(header->index > pending->last_index);
    int64_t next_offset = partition_pending_next_offset(partition);
    int64_t last_ms = pending_last_append_time_ms(partition);
    if (header->count > INT64_MAX - next_offset) {
        return STATUS_FULL;
    }
    bool has_key = header->flags & ENTRY_HAS_KEY;
    if (has_key) {
        enum status status = make_room_for_key(partition, &header->key);
        if (status != STATUS_OK) {
            return status;
        }
    }
    header->base_offset = next_offset;
    header->append_time_ms = now_ms > last_ms ? now_ms : last_ms;
    if (has_key) {
        struct key_record record = key_record_of(header);
        key_table_push(&pending->keys, &record);
    }
    pending->last_index = header->index;
    pending->next_offset = next_offset + header->count;
    pending->last_append_time_ms = header->append_time_ms;
    return STATUS_OK;
}

void partition_forget_pending(struct partition *partition) {
    partition->pending.last_index = 0;
    key_table_clear(&partition->pending.keys);
}
