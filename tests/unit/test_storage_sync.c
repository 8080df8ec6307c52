/*
 * That nothing is acknowledged before it was synced, and what an fsync that fails does: this program's own
 * fdatasync stands before the C library's, for RocksDB and for the witness alike.
 */
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GROUP = 3, SIZE = 100, STEPS = 12 };

enum broken { NOTHING, LOG, WITNESS };

/* Which files' syncs count and fail. */
static atomic_uint log_syncs;     /* of write-ahead logs, that succeeded */
static atomic_uint witness_syncs; /* likewise */
static atomic_uint broken;        /* enum broken: fails from now on */
static atomic_uint broken_after;  /* this many more syncs of it succeed */

static bool is_open_as(int fd, const char *part) {
    char link[64];
    char path[FIXTURE_PATH_MAX] = {0};
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, path, sizeof path - 1) > 0 && strstr(path, part);
}

static bool must_fail(enum broken kind) {
    if (atomic_load(&broken) != kind) {
        return false;
    }
    if (atomic_load(&broken_after) > 0) {
        atomic_fetch_sub(&broken_after, 1);
        return false;
    }
    return true;
}

int fdatasync(int fd) {
    bool log = is_open_as(fd, ".log");
    bool witness = is_open_as(fd, "/witness");
    if ((log && must_fail(LOG)) || (witness && must_fail(WITNESS))) {
        errno = EIO;
        return -1;
    }
    int result = (int)syscall(SYS_fdatasync, fd);
    if (result == 0) {
        atomic_fetch_add(&log_syncs, log);
        atomic_fetch_add(&witness_syncs, witness);
    }
    return result;
}

static void break_after(enum broken kind, unsigned count) {
    atomic_store(&broken_after, count);
    atomic_store(&broken, kind);
}

struct acknowledgement {
    unsigned syncs_before;
    bool synced;
    struct fixture_completions *completions;
};

static void note_syncs(void *context, uint64_t token, enum status status) {
    struct acknowledgement *acknowledgement = context;
    acknowledgement->synced = atomic_load(&log_syncs) > acknowledgement->syncs_before;
    fixture_done(acknowledgement->completions, token, status);
}

static void test_nothing_is_acknowledged_before_its_sync(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    struct storage *storage = fixture_open(&directory, &info);
    struct fixture_completions *completions = fixture_completions_create();
    for (uint64_t index = 1; index <= STEPS; index++) {
        struct acknowledgement acknowledgement = {.syncs_before = atomic_load(&log_syncs),
                                                  .completions = completions};
        struct storage_batch *batch = storage_batch_create(note_syncs, &acknowledgement, index);
        fixture_put(batch, GROUP, index, index, SIZE);
        storage_submit(storage, batch);
        fixture_wait(completions, index);
        assert_true(acknowledgement.synced);
    }
    fixture_close(storage);
    fixture_completions_destroy(completions);
    fixture_directory_finish(&directory);
}

static size_t count_acknowledged(const struct fixture_completions *completions) {
    size_t count = 0;
    while (count < completions->count && completions->statuses[count] == STATUS_OK) {
        count++;
    }
    for (size_t i = count; i < completions->count; i++) {
        assert_int_equal(completions->statuses[i], STATUS_IO);
    }
    return count;
}

static void assert_all_there(const struct fixture_directory *directory, size_t last) {
    struct storage_rocksdb_info info;
    struct storage *storage = fixture_open(directory, &info);
    assert_int_equal(info.origin, STORAGE_ORIGIN_RECOVERED);
    for (uint64_t index = 1; index <= last; index++) {
        struct blob *blob = NULL;
        assert_int_equal(storage->operations->read_entry(storage, GROUP, index, &blob), STATUS_OK);
        assert_true(fixture_entry_is(blob, GROUP, index, SIZE));
        blob_release(blob);
    }
    fixture_close(storage);
}

/* The kth sync fails, and works again afterwards: it must not be tried again. */
static void fail_sync(unsigned after) {
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    struct storage *storage = fixture_open(&directory, &info);
    struct fixture_completions *completions = fixture_completions_create();
    break_after(LOG, after);
    for (uint64_t index = 1; index <= STEPS; index++) {
        struct storage_batch *batch = storage_batch_create(fixture_done, completions, index);
        fixture_put(batch, GROUP, index, index, SIZE);
        storage_submit(storage, batch);
        fixture_wait(completions, index);
        if (completions->statuses[index - 1] != STATUS_OK) {
            break_after(NOTHING, 0);
        }
    }
    assert_int_equal(count_acknowledged(completions), after);
    assert_int_equal(storage->operations->writable(storage), STATUS_IO);
    fixture_close(storage);
    assert_all_there(&directory, after);
    fixture_completions_destroy(completions);
    fixture_directory_finish(&directory);
}

static void test_a_sync_that_fails_is_never_tried_again(void **state) {
    (void)state;
    for (unsigned after = 0; after < STEPS; after++) {
        fail_sync(after);
    }
}

static void test_a_witness_that_fails_stops_all_writes(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    struct storage *storage = fixture_open(&directory, &info);
    struct fixture_completions *completions = fixture_completions_create();
    break_after(WITNESS, 0);
    struct storage_batch *batch = fixture_batch(completions);
    fixture_put(batch, GROUP, 1, 1, SIZE);
    assert_int_equal(fixture_commit(storage, completions, batch), STATUS_OK);
    uint64_t deadline_ms = clock_monotonic_ms() + FIXTURE_WAIT_MS;
    while (storage->operations->writable(storage) == STATUS_OK && clock_monotonic_ms() < deadline_ms) {
        usleep(1000);
    }
    assert_int_equal(storage->operations->writable(storage), STATUS_IO);
    batch = fixture_batch(completions);
    fixture_put(batch, GROUP, 2, 2, SIZE);
    assert_int_equal(fixture_commit(storage, completions, batch), STATUS_IO);
    break_after(NOTHING, 0);
    fixture_close(storage);
    assert_all_there(&directory, 1);
    fixture_completions_destroy(completions);
    fixture_directory_finish(&directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_acknowledged_before_its_sync),
        cmocka_unit_test(test_a_sync_that_fails_is_never_tried_again),
        cmocka_unit_test(test_a_witness_that_fails_stops_all_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
