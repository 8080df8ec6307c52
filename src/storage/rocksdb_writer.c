#include "rocksdb_writer.h"

#include "rocksdb_error.h"

#include <inttypes.h>

const uint32_t storage_sync_bounds_us[SYNC_BUCKETS] = {
    50, 100, 150, 200, 300, 400, 600, 1000, 2000, 4000, 8000, 16000, 50000, 200000, 1000000, UINT32_MAX,
};

enum { WRITE_KEPT_BYTES_MAX = 4 * 1024 * 1024 };

/* Waits for batches and moves as many as make one commit to `taken`; false at the end. */
static bool take(struct writer *writer, struct list *taken) {
    size_t bytes = 0;
    mutex_lock(&writer->mutex);
    while (list_empty(&writer->queue) && !writer->stopping) {
        condition_wait(&writer->wake, &writer->mutex);
    }
    while (!list_empty(&writer->queue)) {
        struct storage_batch *batch = LIST_ENTRY(writer->queue.next, struct storage_batch, link);
        if (!list_empty(taken) && bytes + batch->bytes > writer->commit_bytes_max) {
            break;
        }
        bytes += batch->bytes;
        list_remove(&batch->link);
        list_append(taken, &batch->link);
    }
    mutex_unlock(&writer->mutex);
    return !list_empty(taken);
}

struct commit {
    size_t batches;
    size_t bytes;
};

/* The batches up to the first that could not be put together. */
static struct commit gather(struct writer *writer, struct list *taken) {
    struct commit commit = {0};
    rocksdb_writebatch_clear(writer->write);
    for (struct list *node = taken->next; node != taken; node = node->next) {
        const struct storage_batch *batch = LIST_ENTRY(node, struct storage_batch, link);
        if (batch->status != STATUS_OK) {
            break;
        }
        database_put_batch(writer->database, writer->write, batch);
        commit.batches++;
        commit.bytes += batch->bytes;
    }
    database_put_commit(writer->database, writer->write, writer->commit + 1);
    return commit;
}

/* What may happen many times a second is told once in a while. */
static bool is_due(uint64_t *told_ms) {
    uint64_t now_ms = clock_monotonic_ms();
    bool due = *told_ms == 0 || now_ms >= *told_ms + STORAGE_STALL_LOG_MS;
    if (due) {
        *told_ms = now_ms;
    }
    return due;
}

/* A full disk must never reach RocksDB, so a commit waits here for space; false where the storage is closed
 * meanwhile. */
static bool wait_for_space(struct writer *writer, size_t bytes) {
    if (disk_guard_admit_write(writer->guard, bytes)) {
        return true;
    }
    bool tell = is_due(&writer->full_told_ms);
    if (tell) {
        log_error("storage", "disk full, all writes wait for space", "commit_bytes=%zu", bytes);
    }
    bool admitted = false;
    mutex_lock(&writer->mutex);
    while (!admitted && !writer->stopping) {
        uint64_t again_ms = clock_monotonic_ms() + STORAGE_SPACE_RETRY_MS;
        while (!writer->stopping && condition_wait_until(&writer->wake, &writer->mutex, again_ms)) {
        }
        mutex_unlock(&writer->mutex);
        admitted = disk_guard_admit_write(writer->guard, bytes);
        mutex_lock(&writer->mutex);
    }
    mutex_unlock(&writer->mutex);
    if (admitted && tell) {
        log_info("storage", "disk has space again, writing on", "commit_bytes=%zu", bytes);
    }
    return admitted;
}

static enum status write_once(struct writer *writer, const rocksdb_writeoptions_t *options,
                              struct error *error) {
    char *failure = NULL;
    rocksdb_write(writer->database->db, options, writer->write, &failure);
    return rocksdb_error_translate(failure, "write to the database", error);
}

/* A stall is first refused (nothing is written then), so that others can be told; then it is waited out. */
static enum status write_through(struct writer *writer, struct error *error) {
    enum status status = write_once(writer, writer->at_once, error);
    if (status != STATUS_FULL) {
        return status;
    }
    writer->stalls++;
    if (is_due(&writer->stalls_told_ms)) {
        log_warn("storage", "the database cannot keep up, writes are held back", "stalls=%" PRIu64,
                 writer->stalls);
    }
    atomic_store(&writer->stalled, true);
    status = write_once(writer, writer->patient, error);
    atomic_store(&writer->stalled, false);
    return status;
}

static void add(atomic_uint_least64_t *counter, uint64_t value) {
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static void measure(struct writer *writer, const struct commit *commit, uint64_t took_us) {
    struct writer_metrics *metrics = &writer->metrics;
    size_t bucket = 0;
    while (bucket < SYNC_BUCKETS - 1 && took_us > storage_sync_bounds_us[bucket]) {
        bucket++;
    }
    add(&metrics->sync_buckets[bucket], 1);
    add(&metrics->sync_us, took_us);
    add(&metrics->syncs, 1);
    add(&metrics->batches, commit->batches);
    add(&metrics->bytes, commit->bytes);
}

static enum status write_commit(struct writer *writer, const struct commit *commit) {
    enum status status = fault_status(writer->fault);
    if (status != STATUS_OK) {
        return status;
    }
    if (!wait_for_space(writer, commit->bytes)) {
        return fault_set(writer->fault, STATUS_NO_SPACE);
    }
    struct error error;
    uint64_t begin_us = clock_monotonic_us();
    status = write_through(writer, &error);
    if (status != STATUS_OK) {
        log_error("storage", "a write failed, stopping all writes", "%s", error.message);
        /* Whatever RocksDB calls it, the outcome is unknown. */
        return fault_set(writer->fault, status == STATUS_CORRUPT ? STATUS_CORRUPT : STATUS_IO);
    }
    measure(writer, commit, clock_monotonic_us() - begin_us);
    writer->commit++;
    keeper_note(writer->keeper, writer->commit);
    return STATUS_OK;
}

static void complete(struct list *taken, size_t count, enum status status) {
    for (size_t i = 0; i < count && !list_empty(taken); i++) {
        struct storage_batch *batch = LIST_ENTRY(taken->next, struct storage_batch, link);
        list_remove(&batch->link);
        batch_complete(batch, status);
    }
}

static void commit_taken(struct writer *writer, struct list *taken) {
    struct commit commit = gather(writer, taken);
    if (commit.batches > 0) {
        complete(taken, commit.batches, write_commit(writer, &commit));
    }
    if (!list_empty(taken)) {
        /* Its place in the log would stay empty: nothing after it may be written. */
        const struct storage_batch *broken = LIST_ENTRY(taken->next, struct storage_batch, link);
        complete(taken, SIZE_MAX, fault_set(writer->fault, broken->status));
    }
    size_t size = 0;
    rocksdb_writebatch_data(writer->write, &size);
    if (size > WRITE_KEPT_BYTES_MAX) {
        rocksdb_writebatch_destroy(writer->write);
        writer->write = rocksdb_writebatch_create();
    }
}

static void writer_run(void *argument) {
    struct writer *writer = argument;
    struct list taken;
    list_init(&taken);
    while (take(writer, &taken)) {
        commit_taken(writer, &taken);
    }
}

static rocksdb_writeoptions_t *synced_options(bool no_slowdown) {
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(options, 1);
    rocksdb_writeoptions_set_no_slowdown(options, no_slowdown);
    return options;
}

enum status writer_start(struct writer *writer, const struct database *database, struct disk_guard *guard,
                         struct keeper *keeper, struct fault *fault, uint64_t commit, struct error *error) {
    memset(&writer->metrics, 0, sizeof writer->metrics);
    writer->database = database;
    writer->guard = guard;
    writer->keeper = keeper;
    writer->fault = fault;
    writer->commit = commit;
    /* A commit is no larger than a memtable, so that small disks are written in small steps. */
    uint64_t write_buffer = guard->sizing.write_buffer;
    writer->commit_bytes_max =
        write_buffer < STORAGE_COMMIT_BYTES_MAX ? (size_t)write_buffer : STORAGE_COMMIT_BYTES_MAX;
    writer->write = rocksdb_writebatch_create();
    writer->at_once = synced_options(true);
    writer->patient = synced_options(false);
    atomic_init(&writer->stalled, false);
    writer->stalls = 0;
    writer->stalls_told_ms = 0;
    writer->full_told_ms = 0;
    mutex_init(&writer->mutex);
    condition_init(&writer->wake);
    list_init(&writer->queue);
    writer->stopping = false;
    enum status status = thread_start(&writer->thread, "storage-writer", writer_run, writer, error);
    if (status != STATUS_OK) {
        writer_stop(writer);
    }
    return status;
}

void writer_submit(struct writer *writer, struct storage_batch *batch) {
    mutex_lock(&writer->mutex);
    ASSERT(!writer->stopping);
    list_append(&writer->queue, &batch->link);
    condition_signal(&writer->wake);
    mutex_unlock(&writer->mutex);
}

void writer_stop(struct writer *writer) {
    mutex_lock(&writer->mutex);
    writer->stopping = true;
    condition_signal(&writer->wake);
    mutex_unlock(&writer->mutex);
    thread_join(&writer->thread);
    ASSERT(list_empty(&writer->queue));
    rocksdb_writeoptions_destroy(writer->patient);
    rocksdb_writeoptions_destroy(writer->at_once);
    rocksdb_writebatch_destroy(writer->write);
    condition_finish(&writer->wake);
    mutex_finish(&writer->mutex);
}
