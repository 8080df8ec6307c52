/*
 * The port on RocksDB: the parts put together, opened and closed in order.
 */
#include "directory_lock.h"
#include "files.h"
#include "identity.h"
#include "rocksdb_directory.h"
#include "rocksdb_read.h"
#include "rocksdb_writer.h"
#include "wal_size.h"

#include <stdlib.h>

struct rocksdb_storage {
    struct storage base;
    int directory; /* file descriptors, -1: not open */
    int lock;
    struct fault fault;
    struct disk_guard guard;
    struct database database;
    struct keeper keeper;
    struct writer writer;
};

static struct rocksdb_storage *self(struct storage *storage) {
    return (struct rocksdb_storage *)(void *)storage;
}

static void rocksdb_submit(struct storage *storage, struct storage_batch *batch) {
    writer_submit(&self(storage)->writer, batch);
}

static enum status rocksdb_read_entry(struct storage *storage, uint64_t group, uint64_t index,
                                      struct blob **ret_blob) {
    return database_read_entry(&self(storage)->database, group, index, ret_blob);
}

static enum status rocksdb_read_header(struct storage *storage, uint64_t group, uint64_t index,
                                       struct entry_header *ret) {
    return database_read_header(&self(storage)->database, group, index, ret);
}

static enum status rocksdb_read_entries(struct storage *storage, uint64_t group, uint64_t first,
                                        uint64_t last, size_t bytes_max, struct storage_entries *ret) {
    return database_read_entries(&self(storage)->database, group, first, last, bytes_max, ret);
}

static enum status rocksdb_verify_entries(struct storage *storage, uint64_t group, uint64_t first,
                                          uint64_t last, size_t bytes_max, struct storage_verified *ret) {
    return database_verify_entries(&self(storage)->database, group, first, last, bytes_max, ret);
}

static enum status rocksdb_read_state(struct storage *storage, uint64_t group, enum storage_state kind,
                                      struct blob **ret_blob) {
    ASSERT(kind >= STORAGE_STATE_HARD && kind <= STORAGE_STATE_META);
    return database_read_state(&self(storage)->database, group, kind, ret_blob);
}

static enum status rocksdb_log_bounds(struct storage *storage, uint64_t group, uint64_t *ret_first,
                                      uint64_t *ret_last) {
    return database_log_bounds(&self(storage)->database, group, ret_first, ret_last);
}

static enum status rocksdb_list_groups(struct storage *storage, uint64_t **ret_groups, size_t *ret_count) {
    return database_list_groups(&self(storage)->database, ret_groups, ret_count);
}

static enum status rocksdb_writable(struct storage *storage) {
    struct rocksdb_storage *rocksdb = self(storage);
    if (fault_status(&rocksdb->fault) != STATUS_OK) {
        return STATUS_IO;
    }
    if (disk_guard_low(&rocksdb->guard)) {
        return STATUS_NO_SPACE;
    }
    return atomic_load(&rocksdb->writer.stalled) ? STATUS_FULL : STATUS_OK;
}

/* The end of the ladder: what every open storage has. */
static void release(struct rocksdb_storage *rocksdb) {
    database_close(&rocksdb->database);
    if (rocksdb->lock >= 0) {
        close(rocksdb->lock);
    }
    if (rocksdb->directory >= 0) {
        close(rocksdb->directory);
    }
    free(rocksdb);
}

static void rocksdb_destroy(struct storage *storage) {
    struct rocksdb_storage *rocksdb = self(storage);
    writer_stop(&rocksdb->writer);
    keeper_stop(&rocksdb->keeper);
    release(rocksdb);
}

static const struct storage_operations rocksdb_operations = {
    .submit = rocksdb_submit,
    .read_entry = rocksdb_read_entry,
    .read_header = rocksdb_read_header,
    .read_entries = rocksdb_read_entries,
    .verify_entries = rocksdb_verify_entries,
    .read_state = rocksdb_read_state,
    .log_bounds = rocksdb_log_bounds,
    .list_groups = rocksdb_list_groups,
    .writable = rocksdb_writable,
    .destroy = rocksdb_destroy,
};

static struct rocksdb_storage *storage_alloc(void) {
    struct rocksdb_storage *rocksdb = calloc(1, sizeof *rocksdb);
    if (rocksdb) {
        rocksdb->base.operations = &rocksdb_operations;
        rocksdb->directory = -1;
        rocksdb->lock = -1;
        fault_init(&rocksdb->fault);
    }
    return rocksdb;
}

/* Takes the directory, and makes sure that there is room to open what it holds. */
static enum status enter_directory(struct rocksdb_storage *rocksdb,
                                   const struct storage_rocksdb_options *options, struct error *error) {
    enum status status = files_open_directory(options->directory, &rocksdb->directory, error);
    if (status == STATUS_OK) {
        status = directory_lock(rocksdb->directory, options->directory, &rocksdb->lock, error);
    }
    struct disk_usage usage;
    if (status == STATUS_OK) {
        status = disk_usage_read(rocksdb->directory, &usage, error);
    }
    uint64_t wal_bytes = 0;
    if (status == STATUS_OK) {
        status = wal_size(rocksdb->directory, "db", &wal_bytes, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct sizing sizing;
    sizing_compute(options, usage.total_bytes, &sizing);
    disk_guard_init(&rocksdb->guard, rocksdb->directory, &sizing);
    return disk_guard_admit_open(&rocksdb->guard, wal_bytes, error);
}

static enum status start(struct rocksdb_storage *rocksdb, const struct storage_rocksdb_options *options,
                         struct storage_rocksdb_info *ret_info, struct error *error) {
    struct data_directory directory = {
        .path = options->directory,
        .distrust = options->distrust,
        .fd = rocksdb->directory,
        .sizing = rocksdb->guard.sizing,
    };
    struct witness witness = {.fd = -1};
    struct storage_rocksdb_info info;
    enum status status = data_directory_open(&directory, &rocksdb->database, &witness, &info, error);
    if (status != STATUS_OK) {
        return status;
    }
    disk_guard_poll(&rocksdb->guard);
    status = keeper_start(&rocksdb->keeper, &rocksdb->guard, &rocksdb->fault, &witness, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = writer_start(&rocksdb->writer, &rocksdb->database, &rocksdb->guard, &rocksdb->keeper,
                          &rocksdb->fault, witness.record.commit, error);
    if (status != STATUS_OK) {
        keeper_stop(&rocksdb->keeper);
        return status;
    }
    *ret_info = info;
    return STATUS_OK;
}

enum status storage_rocksdb_open(const struct storage_rocksdb_options *options, struct storage **ret_storage,
                                 struct storage_rocksdb_info *ret_info, struct error *error) {
    struct rocksdb_storage *rocksdb = storage_alloc();
    if (!rocksdb) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to open the data directory");
    }
    enum status status = enter_directory(rocksdb, options, error);
    if (status == STATUS_OK) {
        status = start(rocksdb, options, ret_info, error);
    }
    if (status != STATUS_OK) {
        release(rocksdb);
        return status;
    }
    *ret_storage = &rocksdb->base;
    return STATUS_OK;
}

enum status storage_rocksdb_vouch(struct storage *storage, const struct uuid *disk_uuid,
                                  struct error *error) {
    return identity_store(self(storage)->directory, disk_uuid, error);
}

enum status storage_rocksdb_distrust(struct storage *storage, struct error *error) {
    return identity_remove(self(storage)->directory, error);
}

static uint64_t load(const atomic_uint_least64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void storage_rocksdb_metrics(const struct storage *storage, struct storage_rocksdb_metrics *ret) {
    const struct rocksdb_storage *rocksdb = (const struct rocksdb_storage *)(const void *)storage;
    const struct writer_metrics *metrics = &rocksdb->writer.metrics;
    ret->free_bytes = load(&rocksdb->guard.free_bytes);
    ret->total_bytes = load(&rocksdb->guard.total_bytes);
    ret->syncs_total = load(&metrics->syncs);
    ret->batches_total = load(&metrics->batches);
    ret->bytes_written_total = load(&metrics->bytes);
    ret->sync_us_total = load(&metrics->sync_us);
    for (size_t i = 0; i < SYNC_BUCKETS; i++) {
        ret->sync_seconds_buckets[i] = load(&metrics->sync_buckets[i]);
    }
}
