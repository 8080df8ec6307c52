#include "rocksdb_read.h"

#include "entries.h"
#include "rocksdb_error.h"

static enum status get_pinned(const struct database *database, uint64_t group, uint64_t index,
                              rocksdb_pinnableslice_t **ret_pinned, struct slice *ret_bytes) {
    struct log_key key = log_key_make(group, index);
    char *failure = NULL;
    rocksdb_pinnableslice_t *pinned =
        rocksdb_get_pinned_cf(database->db, database->read, database->families[FAMILY_LOG],
                              (const char *)key.bytes, LOG_KEY_SIZE, &failure);
    if (failure) {
        return rocksdb_error_translate(failure, "read an entry", NULL);
    }
    if (!pinned) {
        return STATUS_NOT_FOUND;
    }
    size_t size = 0;
    const char *data = rocksdb_pinnableslice_value(pinned, &size);
    *ret_pinned = pinned;
    *ret_bytes = slice_make(data, size);
    return STATUS_OK;
}

enum status database_read_entry(const struct database *database, uint64_t group, uint64_t index,
                                struct blob **ret_blob) {
    rocksdb_pinnableslice_t *pinned = NULL;
    struct slice bytes = {0};
    enum status status = get_pinned(database, group, index, &pinned, &bytes);
    if (status != STATUS_OK) {
        return status;
    }
    struct entry_header header;
    status = entry_check(bytes, group, index, &header);
    if (status == STATUS_OK) {
        struct blob *blob = blob_copy(bytes);
        if (blob) {
            *ret_blob = blob;
        } else {
            status = STATUS_NO_MEMORY;
        }
    }
    rocksdb_pinnableslice_destroy(pinned);
    return status;
}

enum status database_read_header(const struct database *database, uint64_t group, uint64_t index,
                                 struct entry_header *ret_header) {
    rocksdb_pinnableslice_t *pinned = NULL;
    struct slice bytes = {0};
    enum status status = get_pinned(database, group, index, &pinned, &bytes);
    if (status != STATUS_OK) {
        return status;
    }
    status = entry_header_check(bytes, group, index, ret_header);
    rocksdb_pinnableslice_destroy(pinned);
    return status;
}

/* An iterator over [begin, end) of the log; it keeps pointers to the bounds. */
struct log_scan {
    struct log_key begin;
    struct log_key end;
    rocksdb_readoptions_t *options;
    rocksdb_iterator_t *iterator;
};

static void log_scan_init(struct log_scan *scan, const struct database *database, uint64_t group,
                          uint64_t first, uint64_t last, bool fill_cache) {
    ASSERT(group != STORAGE_GROUP_BROKER); /* no key lies behind its log */
    scan->begin = log_key_make(group, first);
    scan->end = log_key_after(group, last);
    scan->options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_iterate_lower_bound(scan->options, (const char *)scan->begin.bytes, LOG_KEY_SIZE);
    rocksdb_readoptions_set_iterate_upper_bound(scan->options, (const char *)scan->end.bytes, LOG_KEY_SIZE);
    rocksdb_readoptions_set_fill_cache(scan->options, fill_cache);
    scan->iterator = rocksdb_create_iterator_cf(database->db, scan->options, database->families[FAMILY_LOG]);
}

static void log_scan_finish(struct log_scan *scan) {
    rocksdb_iter_destroy(scan->iterator);
    rocksdb_readoptions_destroy(scan->options);
}

/*
 * NOT_FOUND at the end. A damaged table ends an iteration early, or is passed over where a range tombstone
 * makes the iterator look further: only its error tells.
 */
static enum status log_scan_index(const struct log_scan *scan, uint64_t *ret_index) {
    char *failure = NULL;
    rocksdb_iter_get_error(scan->iterator, &failure);
    enum status status = rocksdb_error_translate(failure, "scan the log", NULL);
    if (status != STATUS_OK) {
        return status;
    }
    if (!rocksdb_iter_valid(scan->iterator)) {
        return STATUS_NOT_FOUND;
    }
    size_t size = 0;
    const char *key = rocksdb_iter_key(scan->iterator, &size);
    if (size != LOG_KEY_SIZE) {
        return STATUS_CORRUPT;
    }
    *ret_index = bytes_get_u64be((const uint8_t *)key + sizeof(uint64_t));
    return STATUS_OK;
}

static enum status collect(struct log_scan *scan, uint64_t group, uint64_t first,
                           struct entries_builder *builder) {
    rocksdb_iter_seek_to_first(scan->iterator);
    for (uint64_t expected = first; !builder->full; expected++) {
        uint64_t index;
        enum status status = log_scan_index(scan, &index);
        if (status == STATUS_NOT_FOUND && expected > first) {
            return STATUS_OK;
        }
        if (status == STATUS_OK && index != expected) {
            status = expected == first ? STATUS_NOT_FOUND : STATUS_CORRUPT;
        }
        if (status != STATUS_OK) {
            return status;
        }
        size_t size = 0;
        const char *value = rocksdb_iter_value(scan->iterator, &size);
        status = entries_builder_add(builder, group, index, slice_make(value, size), NULL);
        if (status != STATUS_OK) {
            return status;
        }
        rocksdb_iter_next(scan->iterator);
    }
    return STATUS_OK;
}

static enum status scan_entries(const struct database *database, uint64_t group, uint64_t first,
                                uint64_t last, struct entries_builder *builder) {
    if (first > last) {
        return STATUS_NOT_FOUND;
    }
    struct log_scan scan;
    log_scan_init(&scan, database, group, first, last, builder->keep);
    enum status status = collect(&scan, group, first, builder);
    log_scan_finish(&scan);
    return status;
}

enum status database_read_entries(const struct database *database, uint64_t group, uint64_t first,
                                  uint64_t last, size_t bytes_max, struct storage_entries *ret_entries) {
    struct entries_builder builder;
    entries_builder_init(&builder, bytes_max);
    enum status status = scan_entries(database, group, first, last, &builder);
    if (status == STATUS_OK) {
        *ret_entries = entries_builder_take(&builder);
    }
    entries_builder_finish(&builder);
    return status;
}

enum status database_verify_entries(const struct database *database, uint64_t group, uint64_t first,
                                    uint64_t last, size_t bytes_max, struct storage_verified *ret_verified) {
    struct entries_builder builder;
    entries_builder_init_verifier(&builder, bytes_max);
    enum status status = scan_entries(database, group, first, last, &builder);
    if (status == STATUS_OK) {
        *ret_verified = entries_builder_verified(&builder, first);
    }
    entries_builder_finish(&builder);
    return status;
}

enum status database_log_bounds(const struct database *database, uint64_t group, uint64_t *ret_first,
                                uint64_t *ret_last) {
    struct log_scan scan;
    log_scan_init(&scan, database, group, 0, UINT64_MAX, true);
    uint64_t first = 0;
    uint64_t last = 0;
    rocksdb_iter_seek_to_first(scan.iterator);
    enum status status = log_scan_index(&scan, &first);
    if (status == STATUS_OK) {
        rocksdb_iter_seek_to_last(scan.iterator);
        status = log_scan_index(&scan, &last);
    }
    log_scan_finish(&scan);
    if (status == STATUS_OK) {
        *ret_first = first;
        *ret_last = last;
    }
    return status;
}
