/*
 * How long a synced commit of the RocksDB storage takes, and how many batches a second it takes with many in
 * flight (group commit). Not part of the tests.
 *
 *     storage_bench [directory [entry bytes [seconds a row]]]
 *
 * Each row keeps `in flight` batches of one entry under way: a completion submits the next one.
 */
#include "aviary/storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES_MAX = 4 * 1024 * 1024, GROUP = 1, PERCENT = 100 };

struct bench {
    struct storage *storage;
    struct mutex mutex;
    struct condition changed;
    uint64_t done;
    uint32_t *samples_us;
    uint64_t *begun_us; /* by token, modulo in flight */
    size_t in_flight;
    enum status status;
};

static void on_done(void *context, uint64_t token, enum status status) {
    struct bench *bench = context;
    uint64_t now_us = clock_monotonic_us();
    mutex_lock(&bench->mutex);
    if (bench->done < SAMPLES_MAX) {
        bench->samples_us[bench->done] = (uint32_t)(now_us - bench->begun_us[token % bench->in_flight]);
    }
    bench->done++;
    bench->status = status == STATUS_OK ? bench->status : status;
    condition_signal(&bench->changed);
    mutex_unlock(&bench->mutex);
}

static bool submit_one(struct bench *bench, uint64_t index, struct slice payload) {
    struct blob *blob = entry_blob_create(payload);
    struct storage_batch *batch = storage_batch_create(on_done, bench, index);
    if (!blob || !batch) {
        blob_release(blob);
        storage_batch_destroy(batch);
        return false;
    }
    struct entry_header header = {
        .type = RAFT_ENTRY_RECORDS, .group = GROUP, .index = index, .term = 1, .count = 1};
    entry_seal(blob, &header);
    storage_batch_put_entry(batch, GROUP, index, blob);
    blob_release(blob);
    bench->begun_us[index % bench->in_flight] = clock_monotonic_us();
    storage_submit(bench->storage, batch);
    return true;
}

static int compare(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void print_row(struct bench *bench, uint64_t took_us, uint64_t syncs) {
    size_t count = bench->done < SAMPLES_MAX ? (size_t)bench->done : SAMPLES_MAX;
    qsort(bench->samples_us, count, sizeof *bench->samples_us, compare);
    printf("in flight %4zu: %9.0f batches/s  p50 %5" PRIu32 " us  p99 %5" PRIu32 " us  max %6" PRIu32
           " us  %.1f batches a sync\n",
           bench->in_flight, (double)bench->done * 1e6 / (double)took_us, bench->samples_us[count / 2],
           bench->samples_us[count * 99 / PERCENT], bench->samples_us[count - 1],
           (double)bench->done / (double)syncs);
}

static uint64_t run(struct bench *bench, uint64_t first, size_t in_flight, uint64_t milliseconds,
                    struct slice payload) {
    struct storage_rocksdb_metrics before;
    struct storage_rocksdb_metrics after;
    storage_rocksdb_metrics(bench->storage, &before);
    bench->done = 0;
    bench->in_flight = in_flight;
    uint64_t next = first;
    uint64_t begin_us = clock_monotonic_us();
    uint64_t end_ms = clock_monotonic_ms() + milliseconds;
    while (clock_monotonic_ms() < end_ms && bench->status == STATUS_OK) {
        mutex_lock(&bench->mutex);
        while (next - first - bench->done >= in_flight) {
            condition_wait(&bench->changed, &bench->mutex);
        }
        uint64_t room = in_flight - (next - first - bench->done);
        mutex_unlock(&bench->mutex);
        for (; room > 0; room--) {
            if (!submit_one(bench, next++, payload)) {
                return 0;
            }
        }
    }
    mutex_lock(&bench->mutex);
    while (bench->done < next - first) {
        condition_wait(&bench->changed, &bench->mutex);
    }
    mutex_unlock(&bench->mutex);
    storage_rocksdb_metrics(bench->storage, &after);
    print_row(bench, clock_monotonic_us() - begin_us, after.syncs_total - before.syncs_total);
    return next;
}

static int measure(struct bench *bench, size_t entry_bytes, uint64_t milliseconds) {
    static const size_t rows[] = {1, 16, 64, 256};
    uint8_t *payload = calloc(1, entry_bytes);
    bench->samples_us = calloc(SAMPLES_MAX, sizeof *bench->samples_us);
    bench->begun_us = calloc(rows[3], sizeof *bench->begun_us);
    uint64_t next = 1;
    bool allocated = payload && bench->samples_us && bench->begun_us;
    for (size_t i = 0; allocated && next > 0 && i < sizeof rows / sizeof rows[0]; i++) {
        next = run(bench, next, rows[i], milliseconds, slice_make(payload, entry_bytes));
    }
    free(payload);
    free(bench->samples_us);
    free(bench->begun_us);
    return allocated && next > 0 && bench->status == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int count, char **arguments) {
    struct storage_rocksdb_options options = {.directory = count > 1 ? arguments[1] : "storage-bench-data"};
    size_t entry_bytes = count > 2 ? strtoul(arguments[2], NULL, 10) : 100;
    uint64_t seconds = count > 3 ? strtoul(arguments[3], NULL, 10) : 5;
    struct bench bench = {0};
    struct storage_rocksdb_info info;
    struct error error;
    if (storage_rocksdb_open(&options, &bench.storage, &info, &error) != STATUS_OK) {
        fprintf(stderr, "storage_bench: %s\n", error.message);
        return EXIT_FAILURE;
    }
    mutex_init(&bench.mutex);
    condition_init(&bench.changed);
    printf("entries of %zu bytes in %s\n", entry_bytes, options.directory);
    int result = measure(&bench, entry_bytes, seconds * 1000);
    bench.storage->operations->destroy(bench.storage);
    condition_finish(&bench.changed);
    mutex_finish(&bench.mutex);
    return result;
}
