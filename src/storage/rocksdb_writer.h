/*
 * Group commit: one thread gathers all that was submitted into one WriteBatch and one synced write, and then
 * completes the batches in their order. While it syncs, the next commit's batches gather.
 */
#ifndef AVIARY_STORAGE_ROCKSDB_WRITER_H
#define AVIARY_STORAGE_ROCKSDB_WRITER_H

#include "disk_guard.h"
#include "fault.h"
#include "keeper.h"
#include "rocksdb_database.h"

enum { SYNC_BUCKETS = 16 };

/* Written by the writer's thread, read by any. */
struct writer_metrics {
    atomic_uint_least64_t syncs;
    atomic_uint_least64_t batches;
    atomic_uint_least64_t bytes;
    atomic_uint_least64_t sync_us;
    atomic_uint_least64_t sync_buckets[SYNC_BUCKETS];
};

struct writer {
    const struct database *database;
    struct disk_guard *guard;
    struct keeper *keeper;
    struct fault *fault;
    size_t commit_bytes_max;
    uint64_t commit;             /* number of the last one; the writer's thread */
    rocksdb_writebatch_t *write; /* emptied and used again; the writer's thread */
    rocksdb_writeoptions_t *at_once;
    rocksdb_writeoptions_t *patient;
    atomic_bool stalled; /* RocksDB holds writes back until it has compacted */
    uint64_t stalls;     /* so far; the writer's thread, as the next two */
    uint64_t stalls_told_ms;
    uint64_t full_told_ms;
    struct writer_metrics metrics;
    struct mutex mutex; /* guards queue and stopping */
    struct condition wake;
    struct list queue;
    bool stopping;
    struct thread thread;
};

/* All pointers must outlive the writer. `commit`: the last one in the database. */
enum status writer_start(struct writer *writer, const struct database *database, struct disk_guard *guard,
                         struct keeper *keeper, struct fault *fault, uint64_t commit,
                         struct error *error) AVIARY_MUST_USE;
/* From one thread. Takes the batch over. */
void writer_submit(struct writer *writer, struct storage_batch *batch);
/* Writes what was submitted, ends the thread. */
void writer_stop(struct writer *writer);

#endif
