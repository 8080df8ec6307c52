/*
 * For the tests of storage: entries, batches that can be waited for, and data directories that can be
 * damaged.
 */
#ifndef AVIARY_TESTS_UNIT_STORAGE_FIXTURE_H
#define AVIARY_TESTS_UNIT_STORAGE_FIXTURE_H

#include "aviary/storage.h"

enum { FIXTURE_PATH_MAX = 256, FIXTURE_TOKENS_MAX = 100000, FIXTURE_WAIT_MS = 30000 };

/* ---- Entries ---- */

/* A sealed entry of term 1 with `size` bytes that depend on group and index, and do not compress. The
 * caller's reference. */
struct blob *fixture_entry(uint64_t group, uint64_t index, size_t size);
/* True where `blob` is what fixture_entry made. */
bool fixture_entry_is(const struct blob *blob, uint64_t group, uint64_t index, size_t size);
/* Adds entries first to last. */
void fixture_put(struct storage_batch *batch, uint64_t group, uint64_t first, uint64_t last, size_t size);

/* ---- Completions, in the order they came ---- */

struct fixture_completions {
    struct mutex mutex;
    struct condition changed;
    size_t count;
    uint64_t tokens[FIXTURE_TOKENS_MAX];
    enum status statuses[FIXTURE_TOKENS_MAX];
};

struct fixture_completions *fixture_completions_create(void);
void fixture_completions_destroy(struct fixture_completions *completions);
/* The storage_done; `context` is the completions. */
void fixture_done(void *context, uint64_t token, enum status status);
/* Fails the test after FIXTURE_WAIT_MS. */
void fixture_wait(struct fixture_completions *completions, size_t count);
/* False where they do not come within `wait_ms`. */
bool fixture_wait_for_ms(struct fixture_completions *completions, size_t count, uint64_t wait_ms);
/* Submits, waits (memory: syncs) and gives the status of this batch, which must be the last one. */
enum status fixture_commit(struct storage *storage, struct fixture_completions *completions,
                           struct storage_batch *batch);
struct storage_batch *fixture_batch(struct fixture_completions *completions);

/* ---- Data directories ---- */

/* A new folder under /dev/shm or /tmp, and the path of the data directory that will be made in it. */
struct fixture_directory {
    char root[FIXTURE_PATH_MAX];
    char data[FIXTURE_PATH_MAX];
};

void fixture_directory_init(struct fixture_directory *directory);
void fixture_directory_finish(struct fixture_directory *directory);
/* Small memtables and a low watermark; fails the test where it does not open. */
struct storage *fixture_open(const struct fixture_directory *directory,
                             struct storage_rocksdb_info *ret_info);
enum status fixture_try_open(const struct fixture_directory *directory, struct storage **ret_storage,
                             struct storage_rocksdb_info *ret_info, struct error *error);
void fixture_close(struct storage *storage);
/* A copy of the whole data directory. */
void fixture_copy(const struct fixture_directory *from, const struct fixture_directory *to);
/* Path of file `name` of the data directory. */
void fixture_path(const struct fixture_directory *directory, const char *name,
                  char ret_path[FIXTURE_PATH_MAX]);
/* Finds the largest file of db/ whose name ends so; false where there is none. */
bool fixture_find(const struct fixture_directory *directory, const char *suffix,
                  char ret_path[FIXTURE_PATH_MAX]);
size_t fixture_file_size(const char *path);
void fixture_flip_bit(const char *path, size_t offset, unsigned bit);
void fixture_truncate(const char *path, size_t size);
/* Counts the folders db.lost-*. */
size_t fixture_lost_databases(const struct fixture_directory *directory);

#endif
