/*
 * Reads of committed batches: the recent ones from memory, older ones from storage.
 */
#include "broker_private.h"

#include <stdlib.h>

enum { FETCH_ENTRIES_MAX = 65536, FETCH_STORAGE_BYTES_MIN = 64 * 1024 };

static void fetch_bounds(const struct view *view, struct broker_fetch_result *result) {
    result->high_watermark = view->status.next_offset;
    result->log_start_offset = view->status.log_start_offset;
    result->term = view->status.term;
}

/* With the mutex held: waits for the first record at `offset`. NOT_FOUND: the replica went away. */
static enum status fetch_wait(struct view *view, const struct broker_fetch_request *request) {
    while (!view->closed && view->status.next_offset == request->offset) {
        if (clock_monotonic_ms() >= request->deadline_ms) {
            return STATUS_OK;
        }
        view->waiting++;
        condition_wait_until(&view->changed, &view->mutex, request->deadline_ms);
        view->waiting--;
    }
    return view->closed ? STATUS_NOT_FOUND : STATUS_OK;
}

/* With the mutex held: batches from `position` on, each with a reference. */
static enum status fetch_recent(const struct view *view, size_t position, size_t bytes_max,
                                struct storage_entries *ret_entries) {
    size_t count = 0;
    size_t bytes = 0;
    while (position + count < view->recent_count && count < FETCH_ENTRIES_MAX) {
        size_t size = view_recent_at(view, position + count)->blob->size;
        if (count > 0 && bytes + size > bytes_max) {
            break;
        }
        bytes += size;
        count++;
    }
    struct raft_entry *entries = calloc(count, sizeof *entries);
    if (entries == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const struct view_batch *batch = view_recent_at(view, position + i);
        entries[i] = (struct raft_entry){
            .index = batch->index,
            .type = RAFT_ENTRY_RECORDS,
            .blob = blob_retain(batch->blob),
        };
    }
    *ret_entries = (struct storage_entries){.entries = entries, .count = count};
    return STATUS_OK;
}

/*
 * The first index whose entry ends beyond `offset`. Base offsets never decrease with the index (entries
 * without records carry the next offset), so it is a binary search over headers.
 */
static enum status fetch_search(struct broker *broker, const struct node_status *at, int64_t offset,
                                uint64_t *ret_index) {
    struct storage *storage = broker->options.storage;
    uint64_t low = at->first_index;
    uint64_t high = at->applied_index;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct entry_header header;
        enum status status = storage->operations->read_header(storage, at->group, middle, &header);
        if (status != STATUS_OK) {
            return status;
        }
        if (header.base_offset + header.count <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_index = low;
    return STATUS_OK;
}

/* Leaves only batches of records, releasing the others. */
static void fetch_keep_records(struct storage_entries *entries) {
    size_t kept = 0;
    for (size_t i = 0; i < entries->count; i++) {
        if (entries->entries[i].type == RAFT_ENTRY_RECORDS) {
            entries->entries[kept++] = entries->entries[i];
        } else {
            blob_release(entries->entries[i].blob);
        }
    }
    entries->count = kept;
}

static enum status fetch_stored(struct broker *broker, struct view *view, const struct node_status *at,
                                uint64_t hint, const struct broker_fetch_request *request,
                                struct storage_entries *ret_entries) {
    struct storage *storage = broker->options.storage;
    uint64_t index = hint;
    enum status status = STATUS_OK;
    if (index < at->first_index) {
        status = fetch_search(broker, at, request->offset, &index);
    }
    size_t bytes_max =
        request->bytes_max > FETCH_STORAGE_BYTES_MIN ? request->bytes_max : FETCH_STORAGE_BYTES_MIN;
    while (status == STATUS_OK && index <= at->applied_index) {
        struct storage_entries read = {0};
        status =
            storage->operations->read_entries(storage, at->group, index, at->applied_index, bytes_max, &read);
        if (status != STATUS_OK) {
            break;
        }
        index = read.entries[read.count - 1].index + 1;
        fetch_keep_records(&read);
        if (read.count > 0) {
            struct entry_header last;
            if (entry_header_decode(blob_slice(read.entries[read.count - 1].blob), &last) == STATUS_OK) {
                mutex_lock(&view->mutex);
                view_add_hint(view, last.base_offset + last.count, index);
                mutex_unlock(&view->mutex);
            }
            *ret_entries = read;
            return STATUS_OK;
        }
        storage_entries_finish(&read);
    }
    return status;
}

enum status broker_fetch(struct broker *broker, const struct broker_fetch_request *request,
                         struct broker_fetch_result *ret_result) {
    struct view *view = broker_is_running(broker) ? views_find(&broker->views, request->group) : NULL;
    if (view == NULL) {
        return STATUS_NOT_FOUND;
    }
    struct broker_fetch_result result = {0};
    mutex_lock(&view->mutex);
    enum status status = fetch_wait(view, request);
    fetch_bounds(view, &result);
    struct node_status at = view->status;
    uint64_t hint = view_find_hint(view, request->offset);
    bool from_storage = false;
    size_t position;
    if (status == STATUS_OK && (request->offset < at.log_start_offset || request->offset > at.next_offset)) {
        status = STATUS_OUT_OF_RANGE;
    } else if (status == STATUS_OK && request->offset < at.next_offset) {
        if (view_find_recent(view, request->offset, &position)) {
            status = fetch_recent(view, position, request->bytes_max, &result.entries);
        } else {
            from_storage = true;
        }
    }
    mutex_unlock(&view->mutex);
    if (from_storage) {
        status = fetch_stored(broker, view, &at, hint, request, &result.entries);
    }
    if (status == STATUS_CORRUPT) {
        damage_found(broker, request->group, "a reader met records that cannot be read", status);
    }
    view_release(view);
    if (status == STATUS_OK || status == STATUS_OUT_OF_RANGE) {
        *ret_result = result;
    }
    return status;
}

enum status broker_offset_at_time(struct broker *broker, uint64_t group, int64_t time_ms,
                                  int64_t *ret_offset) {
    struct view *view = broker_is_running(broker) ? views_find(&broker->views, group) : NULL;
    if (view == NULL) {
        return STATUS_NOT_FOUND;
    }
    mutex_lock(&view->mutex);
    struct node_status at = view->status;
    mutex_unlock(&view->mutex);
    view_release(view);
    struct storage *storage = broker->options.storage;
    uint64_t low = at.first_index; /* append times never decrease with the index */
    uint64_t high = at.applied_index + 1;
    int64_t offset = at.next_offset;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct entry_header header;
        enum status status = storage->operations->read_header(storage, group, middle, &header);
        if (status != STATUS_OK) {
            return status;
        }
        if (header.append_time_ms < time_ms) {
            low = middle + 1;
        } else {
            high = middle;
            offset = header.base_offset;
        }
    }
    *ret_offset = offset < at.log_start_offset ? at.log_start_offset : offset;
    return STATUS_OK;
}

bool broker_partition_position(struct broker *broker, uint64_t group,
                               struct broker_partition_position *ret_position) {
    struct view *view = broker_is_running(broker) ? views_find(&broker->views, group) : NULL;
    if (view == NULL) {
        return false;
    }
    mutex_lock(&view->mutex);
    struct node_status at = view->status;
    mutex_unlock(&view->mutex);
    view_release(view);
    *ret_position = (struct broker_partition_position){
        .log_start_offset = at.log_start_offset,
        .high_watermark = at.next_offset,
        .term = at.term,
        .here = at.role == RAFT_LEADER && at.ready,
        .majority_lost = at.majority_lost,
        .hopeless = at.majority_lost || (at.blank && at.leader == 0),
    };
    ASSERT(pthread_rwlock_rdlock(&broker->metadata_lock) == 0);
    ret_position->leader = metadata_broker_id_of(broker->metadata, at.leader);
    ASSERT(pthread_rwlock_unlock(&broker->metadata_lock) == 0);
    return true;
}
