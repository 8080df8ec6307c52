/*
 * The storage on RocksDB as a process sees it: opened again, opened twice, too new, rotten, failing.
 */
#include "storage/rocksdb_database.h"
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GROUP = 3, SIZE = 1000 };

static const struct sizing small = {.write_buffer = 512 * 1024, .block_cache = 1024 * 1024};

static void put(struct storage *storage, struct fixture_completions *completions, uint64_t first,
                uint64_t last) {
    struct storage_batch *batch = fixture_batch(completions);
    fixture_put(batch, GROUP, first, last, SIZE);
    assert_int_equal(fixture_commit(storage, completions, batch), STATUS_OK);
}

static void put_state(struct storage *storage, struct fixture_completions *completions,
                      enum storage_state kind, const char *text) {
    struct storage_batch *batch = fixture_batch(completions);
    storage_batch_put_state(batch, GROUP, kind, slice_of_string(text));
    assert_int_equal(fixture_commit(storage, completions, batch), STATUS_OK);
}

static void assert_log(struct storage *storage, uint64_t first, uint64_t last) {
    uint64_t got_first = 0;
    uint64_t got_last = 0;
    assert_int_equal(storage->operations->log_bounds(storage, GROUP, &got_first, &got_last), STATUS_OK);
    assert_int_equal(got_first, first);
    assert_int_equal(got_last, last);
    struct storage_entries entries = {0};
    assert_int_equal(storage->operations->read_entries(storage, GROUP, first, last, SIZE_MAX, &entries),
                     STATUS_OK);
    assert_int_equal(entries.count, last - first + 1);
    for (size_t i = 0; i < entries.count; i++) {
        assert_true(fixture_entry_is(entries.entries[i].blob, GROUP, first + i, SIZE));
    }
    storage_entries_finish(&entries);
}

/* Enough for many memtables of the fixture's size: flushed, compacted, and read back over all levels. */
static void test_a_reopened_storage_goes_on(void **state) {
    (void)state;
    enum { ROUNDS = 6, ENTRIES = 2000 };
    struct fixture_directory directory;
    fixture_directory_init(&directory);
    struct uuid first_uuid = {0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct storage_rocksdb_info info;
        struct storage *storage = fixture_open(&directory, &info);
        assert_int_equal(info.origin, round == 0 ? STORAGE_ORIGIN_NEW : STORAGE_ORIGIN_RECOVERED);
        first_uuid = round == 0 ? info.disk_uuid : first_uuid;
        assert_true(uuid_equal(&info.disk_uuid, &first_uuid));
        struct fixture_completions *completions = fixture_completions_create();
        for (uint64_t i = 0; i < ENTRIES; i += 100) {
            put(storage, completions, round * ENTRIES + i + 1, round * ENTRIES + i + 100);
        }
        assert_log(storage, 1, (round + 1) * ENTRIES);
        fixture_close(storage);
        fixture_completions_destroy(completions);
    }
    fixture_directory_finish(&directory);
}

static void test_closing_writes_what_was_submitted(void **state) {
    (void)state;
    enum { ENTRIES = 500 };
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    struct storage *storage = fixture_open(&directory, &info);
    struct fixture_completions *completions = fixture_completions_create();
    for (uint64_t index = 1; index <= ENTRIES; index++) {
        struct storage_batch *batch = storage_batch_create(fixture_done, completions, index);
        fixture_put(batch, GROUP, index, index, SIZE);
        storage_submit(storage, batch);
    }
    fixture_close(storage);
    assert_int_equal(completions->count, ENTRIES);
    storage = fixture_open(&directory, &info);
    assert_log(storage, 1, ENTRIES);
    fixture_close(storage);
    fixture_completions_destroy(completions);
    fixture_directory_finish(&directory);
}

static void test_a_directory_has_one_storage(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    struct storage *storage = fixture_open(&directory, &info);
    struct storage *second = NULL;
    struct error error;
    assert_int_equal(fixture_try_open(&directory, &second, &info, &error), STATUS_CONFLICT);
    assert_null(second);
    char pid[32];
    snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    assert_non_null(strstr(error.message, pid));
    assert_non_null(strstr(error.message, directory.data));
    fixture_close(storage);
    fixture_close(fixture_open(&directory, &info));
    fixture_directory_finish(&directory);
}

static void test_a_directory_that_cannot_be_made_is_an_error(void **state) {
    (void)state;
    struct storage *storage = NULL;
    struct storage_rocksdb_info info;
    struct error error;
    struct storage_rocksdb_options options = {.directory = "/proc/aviary/data"};
    assert_int_not_equal(storage_rocksdb_open(&options, &storage, &info, &error), STATUS_OK);
    assert_non_null(strstr(error.message, options.directory));
}

static void test_group_commit_syncs_once_for_many(void **state) {
    (void)state;
    enum { BATCHES = 5000 };
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    struct storage *storage = fixture_open(&directory, &info);
    struct fixture_completions *completions = fixture_completions_create();
    for (uint64_t index = 1; index <= BATCHES; index++) {
        struct storage_batch *batch = storage_batch_create(fixture_done, completions, index);
        fixture_put(batch, GROUP, index, index, 10);
        storage_submit(storage, batch);
    }
    fixture_wait(completions, BATCHES);
    struct storage_rocksdb_metrics metrics;
    storage_rocksdb_metrics(storage, &metrics);
    assert_int_equal(metrics.batches_total, BATCHES);
    assert_true(metrics.syncs_total < BATCHES);
    assert_true(metrics.bytes_written_total > BATCHES * ENTRY_HEADER_SIZE);
    assert_true(metrics.free_bytes > 0 && metrics.free_bytes <= metrics.total_bytes);
    uint64_t counted = 0;
    for (size_t i = 0; i < 16; i++) {
        counted += metrics.sync_seconds_buckets[i];
    }
    assert_int_equal(counted, metrics.syncs_total);
    fixture_close(storage);
    fixture_completions_destroy(completions);
    fixture_directory_finish(&directory);
}

/* The witness follows by itself, not only when the storage is closed. */
static void test_the_witness_follows_within_50_ms(void **state) {
    (void)state;
    enum { ALLOWED_MS = 50, MARGIN_MS = 200 /* of a busy machine */ };
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    struct storage *storage = fixture_open(&directory, &info);
    struct fixture_completions *completions = fixture_completions_create();
    int fd = open(directory.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (uint64_t commit = FIRST_COMMIT + 1; commit < FIRST_COMMIT + 6; commit++) {
        put(storage, completions, commit, commit);
        uint64_t deadline_ms = clock_monotonic_ms() + ALLOWED_MS + MARGIN_MS;
        struct witness_record record = {0};
        while (record.commit < commit && clock_monotonic_ms() < deadline_ms) {
            assert_int_equal(witness_load(fd, &record, NULL), STATUS_OK);
        }
        assert_int_equal(record.commit, commit);
    }
    close(fd);
    fixture_close(storage);
    fixture_completions_destroy(completions);
    fixture_directory_finish(&directory);
}

/* Puts raw bytes under a key of the closed database. */
static void overwrite_state(const struct fixture_directory *directory, uint64_t group, unsigned kind,
                            struct slice value) {
    char path[FIXTURE_PATH_MAX];
    fixture_path(directory, "db", path);
    struct database database = {0};
    assert_int_equal(database_open(&database, path, &small, NULL), STATUS_OK);
    struct state_key key = state_key_make(group, kind);
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    char *failure = NULL;
    rocksdb_put_cf(database.db, options, database.families[FAMILY_STATE], (const char *)key.bytes,
                   STATE_KEY_SIZE, (const char *)value.data, value.size, &failure);
    assert_null(failure);
    rocksdb_writeoptions_destroy(options);
    database_close(&database);
}

static void test_a_newer_format_is_refused_and_left_alone(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    fixture_close(fixture_open(&directory, &info));
    uint8_t value[STATE_CHECKSUM_SIZE + 4];
    struct state_key key = state_key_make(STORAGE_GROUP_BROKER, BROKER_STATE_FORMAT);
    bytes_put_u32le(value + STATE_CHECKSUM_SIZE, STORAGE_FORMAT + 1);
    bytes_put_u32le(value, state_checksum(&key, slice_make(value + STATE_CHECKSUM_SIZE, 4)));
    overwrite_state(&directory, STORAGE_GROUP_BROKER, BROKER_STATE_FORMAT, slice_make(value, sizeof value));
    struct storage *storage = NULL;
    struct error error;
    assert_int_equal(fixture_try_open(&directory, &storage, &info, &error), STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.message, "newer version"));
    assert_int_equal(fixture_lost_databases(&directory), 0);
    fixture_directory_finish(&directory);
}

static void test_an_unreadable_vote_makes_a_new_disk(void **state) {
    (void)state;
    static const enum storage_state kinds[] = {STORAGE_STATE_HARD, STORAGE_STATE_CONFIGURATIONS};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct fixture_directory directory;
        struct storage_rocksdb_info before;
        struct storage_rocksdb_info after;
        fixture_directory_init(&directory);
        struct storage *storage = fixture_open(&directory, &before);
        struct fixture_completions *completions = fixture_completions_create();
        put_state(storage, completions, kinds[i], "vote");
        fixture_close(storage);
        overwrite_state(&directory, GROUP, kinds[i], slice_of_string("\x01\x02\x03\x04vote"));
        fixture_close(fixture_open(&directory, &after));
        assert_int_equal(after.origin, STORAGE_ORIGIN_REPLACED);
        assert_non_null(strstr(after.reason, "hard state"));
        assert_false(uuid_equal(&before.disk_uuid, &after.disk_uuid));
        fixture_completions_destroy(completions);
        fixture_directory_finish(&directory);
    }
}

/* A state that is not needed to vote is refused when it is read. */
static void test_a_rotten_snapshot_is_corrupt(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    fixture_close(fixture_open(&directory, &info));
    overwrite_state(&directory, GROUP, STORAGE_STATE_SNAPSHOT, slice_of_string("\x01\x02\x03\x04snapshot"));
    overwrite_state(&directory, GROUP + 1, STORAGE_STATE_SNAPSHOT, slice_of_string("abc"));
    struct storage *storage = fixture_open(&directory, &info);
    assert_int_equal(info.origin, STORAGE_ORIGIN_RECOVERED);
    struct blob *blob = NULL;
    for (uint64_t group = GROUP; group <= GROUP + 1; group++) {
        assert_int_equal(storage->operations->read_state(storage, group, STORAGE_STATE_SNAPSHOT, &blob),
                         STATUS_CORRUPT);
    }
    fixture_close(storage);
    fixture_directory_finish(&directory);
}

/* Compacts what was written into tables and flips a bit in the middle of the largest. */
static void rot_a_table(const struct fixture_directory *directory) {
    char path[FIXTURE_PATH_MAX];
    fixture_path(directory, "db", path);
    struct database database = {0};
    assert_int_equal(database_open(&database, path, &small, NULL), STATUS_OK);
    rocksdb_compact_range_cf(database.db, database.families[FAMILY_LOG], NULL, 0, NULL, 0);
    database_close(&database);
    assert_true(fixture_find(directory, ".sst", path));
    fixture_flip_bit(path, fixture_file_size(path) / 2, 3);
}

static void test_a_rotten_table_is_an_error_not_an_end(void **state) {
    (void)state;
    enum { ENTRIES = 400 };
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    struct storage *storage = fixture_open(&directory, &info);
    struct fixture_completions *completions = fixture_completions_create();
    put(storage, completions, 1, ENTRIES);
    fixture_close(storage);
    rot_a_table(&directory);
    storage = fixture_open(&directory, &info);
    struct storage_entries entries = {0};
    assert_int_equal(storage->operations->read_entries(storage, GROUP, 1, ENTRIES, SIZE_MAX, &entries),
                     STATUS_CORRUPT);
    assert_null(entries.entries);
    fixture_close(storage);
    fixture_completions_destroy(completions);
    fixture_directory_finish(&directory);
}

/* ---- A write that fails: in a child whose files may not grow beyond a limit ---- */

enum { FILE_BYTES_MAX = 256 * 1024, CHILD_ENTRIES = 600 };

/* Exit 0 where all went as promised; else the line that did not. */
#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "child: line %d: %s\n", __LINE__, #condition);                                   \
            return EXIT_FAILURE;                                                                             \
        }                                                                                                    \
    } while (0)

static int run_failing_writer(const struct fixture_directory *directory) {
    struct storage_rocksdb_info info;
    struct storage *storage = NULL;
    REQUIRE(fixture_try_open(directory, &storage, &info, NULL) == STATUS_OK);
    struct rlimit limit = {.rlim_cur = FILE_BYTES_MAX, .rlim_max = RLIM_INFINITY};
    REQUIRE(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    struct fixture_completions *completions = calloc(1, sizeof *completions);
    REQUIRE(completions);
    mutex_init(&completions->mutex);
    condition_init(&completions->changed);
    for (uint64_t index = 1; index <= CHILD_ENTRIES; index++) {
        struct storage_batch *batch = storage_batch_create(fixture_done, completions, index);
        fixture_put(batch, GROUP, index, index, SIZE);
        storage_submit(storage, batch);
        REQUIRE(fixture_wait_for_ms(completions, index, FIXTURE_WAIT_MS));
    }
    size_t written = 0;
    while (written < CHILD_ENTRIES && completions->statuses[written] == STATUS_OK) {
        written++;
    }
    REQUIRE(written > 0 && written < CHILD_ENTRIES);
    for (size_t i = written; i < CHILD_ENTRIES; i++) {
        REQUIRE(completions->statuses[i] == STATUS_IO);
    }
    REQUIRE(storage->operations->writable(storage) == STATUS_IO);
    struct blob *blob = NULL;
    REQUIRE(storage->operations->read_entry(storage, GROUP, written, &blob) == STATUS_OK);
    blob_release(blob);
    fixture_close(storage);
    fixture_completions_destroy(completions);
    limit.rlim_cur = RLIM_INFINITY;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    REQUIRE(fixture_try_open(directory, &storage, &info, NULL) == STATUS_OK);
    REQUIRE(info.origin == STORAGE_ORIGIN_RECOVERED);
    for (uint64_t index = 1; index <= written; index++) {
        REQUIRE(storage->operations->read_entry(storage, GROUP, index, &blob) == STATUS_OK);
        blob_release(blob);
    }
    fixture_close(storage);
    return EXIT_SUCCESS;
}

static void test_a_failed_write_stops_all_writes(void **state) {
    (void)state;
    struct fixture_directory directory;
    fixture_directory_init(&directory);
    char program[] = "test_storage_rocksdb";
    char *const arguments[] = {program, directory.data, NULL};
    pid_t child = 0;
    assert_int_equal(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_SUCCESS);
    fixture_directory_finish(&directory);
}

int main(int count, char **arguments) {
    if (count == 2) {
        struct fixture_directory directory = {0};
        snprintf(directory.data, sizeof directory.data, "%s", arguments[1]);
        return run_failing_writer(&directory);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reopened_storage_goes_on),
        cmocka_unit_test(test_closing_writes_what_was_submitted),
        cmocka_unit_test(test_a_directory_has_one_storage),
        cmocka_unit_test(test_a_directory_that_cannot_be_made_is_an_error),
        cmocka_unit_test(test_group_commit_syncs_once_for_many),
        cmocka_unit_test(test_the_witness_follows_within_50_ms),
        cmocka_unit_test(test_a_newer_format_is_refused_and_left_alone),
        cmocka_unit_test(test_an_unreadable_vote_makes_a_new_disk),
        cmocka_unit_test(test_a_rotten_snapshot_is_corrupt),
        cmocka_unit_test(test_a_rotten_table_is_an_error_not_an_end),
        cmocka_unit_test(test_a_failed_write_stops_all_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
