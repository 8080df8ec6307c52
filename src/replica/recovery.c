#include "recovery.h"

#include <stdlib.h>

void recovery_finish(struct recovery *recovery) {
    free(recovery->configurations);
    free(recovery->runs);
    blob_release(recovery->snapshot_blob);
}

static enum status recovery_add_run(struct recovery *recovery, uint64_t first_index, uint64_t term) {
    if (recovery->run_count == recovery->run_capacity) {
        size_t capacity = recovery->run_capacity ? recovery->run_capacity * 2 : 16;
        struct raft_term_run *grown = realloc(recovery->runs, capacity * sizeof *grown);
        if (grown == NULL) {
            return STATUS_NO_MEMORY;
        }
        recovery->runs = grown;
        recovery->run_capacity = capacity;
    }
    recovery->runs[recovery->run_count++] = (struct raft_term_run){.first_index = first_index, .term = term};
    return STATUS_OK;
}

/* The first index above `from`, up to `last`, whose term differs from `term`; last + 1 where there is none.
 */
static enum status recovery_run_end(struct storage *storage, uint64_t group, uint64_t from, uint64_t last,
                                    uint64_t term, uint64_t *ret_end) {
    uint64_t low =
        from + 1; /* terms never decrease along a log (Log Matching), so a binary search finds the border */
    uint64_t high = last + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct entry_header header;
        enum status status = storage->operations->read_header(storage, group, middle, &header);
        if (status != STATUS_OK) {
            return status;
        }
        if (header.term == term) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_end = low;
    return STATUS_OK;
}

static enum status recovery_read_log(struct storage *storage, uint64_t group, struct recovery *recovery) {
    uint64_t first;
    uint64_t last;
    recovery->last_index = recovery->hard.base_index;
    enum status status = storage->operations->log_bounds(storage, group, &first, &last);
    if (status == STATUS_NOT_FOUND) {
        return recovery->hard.last_index <= recovery->hard.base_index ? STATUS_OK : STATUS_CORRUPT;
    }
    if (status != STATUS_OK) {
        return status;
    }
    /* RocksDB's iterators can pass over a damaged block without a word, where a range tombstone is near: what
     * was written beside the log knows both of its ends. */
    if (first != recovery->hard.base_index + 1 || last < recovery->hard.last_index) {
        return STATUS_CORRUPT;
    }
    for (uint64_t at = first; at <= last;) {
        struct entry_header header;
        status = storage->operations->read_header(storage, group, at, &header);
        if (status == STATUS_OK) {
            status = recovery_add_run(recovery, at, header.term);
        }
        if (status == STATUS_OK) {
            status = recovery_run_end(storage, group, at, last, header.term, &at);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    recovery->last_index = last;
    return STATUS_OK;
}

static enum status recovery_read_snapshot(struct storage *storage, uint64_t group,
                                          struct recovery *recovery) {
    enum status status =
        storage->operations->read_state(storage, group, STORAGE_STATE_SNAPSHOT, &recovery->snapshot_blob);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    return status == STATUS_OK
               ? format_snapshot_decode(blob_slice(recovery->snapshot_blob), &recovery->snapshot)
               : status;
}

enum status recovery_read(struct storage *storage, uint64_t group, struct recovery *recovery) {
    _cleanup_blob_ struct blob *hard = NULL;
    _cleanup_blob_ struct blob *configurations = NULL;
    enum status status = storage->operations->read_state(storage, group, STORAGE_STATE_HARD, &hard);
    if (status != STATUS_OK) {
        return status;
    }
    status = format_hard_decode(blob_slice(hard), &recovery->hard);
    if (status == STATUS_OK) {
        status =
            storage->operations->read_state(storage, group, STORAGE_STATE_CONFIGURATIONS, &configurations);
    }
    if (status == STATUS_OK) {
        status = format_configurations_decode(blob_slice(configurations), &recovery->configurations,
                                              &recovery->configuration_count);
    }
    if (status == STATUS_OK) {
        status = recovery_read_log(storage, group, recovery);
    }
    if (status == STATUS_OK) {
        status = recovery_read_snapshot(storage, group, recovery);
    }
    /* What must be there once hard state is there, and is not, is damage and not absence. */
    return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
}
