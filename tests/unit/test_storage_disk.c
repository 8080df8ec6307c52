/*
 * A disk that fills up, by our own writes and by others': RocksDB, which aborts on a full disk, never meets
 * it. On small file systems of their own, which needs the right to mount; without it the tests are skipped.
 */
#include "storage/disk_guard.h"
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    MIB = 1024 * 1024,
    DISK_MIB = 64,
    GROUP = 3,
    SIZE = 10000,
    PATIENCE_MS = 20000,
    STALL_MS = 400,
    SOME = 20
};

/* Mounts are the process's own and vanish with it. */
static bool may_mount(void) {
    static int answer = -1;
    if (answer < 0) {
        answer = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
        if (!answer) {
            print_message("SKIPPED: no right to mount a small file system: %s\n", strerror(errno));
        }
    }
    return answer == 1;
}

struct disk {
    struct fixture_directory directory; /* root is the file system */
    struct storage *storage;
    struct fixture_completions *completions;
    uint64_t next; /* index to be written */
};

static enum status disk_try_open(struct disk *disk, struct storage_rocksdb_info *ret_info,
                                 struct error *error) {
    struct storage_rocksdb_options options = {.directory = disk->directory.data, .block_cache_bytes = MIB};
    return storage_rocksdb_open(&options, &disk->storage, ret_info, error);
}

static void disk_open(struct disk *disk) {
    struct storage_rocksdb_info info;
    struct error error = {0};
    if (disk_try_open(disk, &info, &error) != STATUS_OK) {
        fail_msg("cannot open: %s", error.message);
    }
    disk->completions = fixture_completions_create();
}

static void disk_close(struct disk *disk) {
    fixture_close(disk->storage);
    fixture_completions_destroy(disk->completions);
    disk->storage = NULL;
}

static int setup(void **state) {
    struct disk *disk = calloc(1, sizeof *disk);
    assert_non_null(disk);
    *state = disk;
    if (!may_mount()) {
        return 0;
    }
    char size[32];
    snprintf(size, sizeof size, "size=%dm", DISK_MIB);
    fixture_directory_init(&disk->directory);
    assert_int_equal(mount("tmpfs", disk->directory.root, "tmpfs", 0, size), 0);
    disk->next = 1;
    disk_open(disk);
    return 0;
}

static int teardown(void **state) {
    struct disk *disk = *state;
    if (may_mount()) {
        if (disk->storage) {
            disk_close(disk);
        }
        assert_int_equal(umount2(disk->directory.root, MNT_DETACH), 0);
        assert_int_equal(rmdir(disk->directory.root), 0);
    }
    free(disk);
    return 0;
}

static uint64_t free_bytes(const struct disk *disk) {
    struct statvfs stat;
    assert_int_equal(statvfs(disk->directory.root, &stat), 0);
    return (uint64_t)stat.f_bavail * stat.f_frsize;
}

static void other_path(const struct disk *disk, char ret_path[FIXTURE_PATH_MAX]) {
    snprintf(ret_path, FIXTURE_PATH_MAX, "%.200s/other", disk->directory.root);
}

/* Another program's file takes all but `left` bytes. */
static void others_fill(const struct disk *disk, uint64_t left) {
    char path[FIXTURE_PATH_MAX];
    other_path(disk, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    struct stat stat;
    assert_int_equal(fstat(fd, &stat), 0);
    uint64_t room = free_bytes(disk);
    if (room > left) {
        assert_int_equal(posix_fallocate(fd, stat.st_size, (off_t)(room - left)), 0);
    }
    close(fd);
}

static void others_leave(const struct disk *disk) {
    char path[FIXTURE_PATH_MAX];
    other_path(disk, path);
    assert_int_equal(unlink(path), 0);
}

static enum status writable(struct disk *disk) {
    return disk->storage->operations->writable(disk->storage);
}

static void wait_until_writable_is(struct disk *disk, enum status expected) {
    uint64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (writable(disk) != expected && clock_monotonic_ms() < deadline_ms) {
        usleep(1000);
    }
    assert_int_equal(writable(disk), expected);
}

static void submit(struct disk *disk) {
    struct storage_batch *batch = fixture_batch(disk->completions);
    fixture_put(batch, GROUP, disk->next, disk->next, SIZE);
    disk->next++;
    storage_submit(disk->storage, batch);
}

static void assert_all_there(struct disk *disk, uint64_t last) {
    for (uint64_t index = 1; index <= last; index++) {
        struct blob *blob = NULL;
        assert_int_equal(disk->storage->operations->read_entry(disk->storage, GROUP, index, &blob),
                         STATUS_OK);
        assert_true(fixture_entry_is(blob, GROUP, index, SIZE));
        blob_release(blob);
    }
}

static bool ballast_is_there(const struct disk *disk) {
    char path[FIXTURE_PATH_MAX];
    fixture_path(&disk->directory, "ballast", path);
    return access(path, F_OK) == 0;
}

static struct sizing sizing_of_disk(void) {
    struct storage_rocksdb_options options = {0};
    struct sizing sizing;
    sizing_compute(&options, (uint64_t)DISK_MIB * MIB, &sizing);
    return sizing;
}

static void test_below_the_watermark_clients_are_refused(void **state) {
    struct disk *disk = *state;
    if (!may_mount()) {
        skip();
    }
    struct sizing sizing = sizing_of_disk();
    submit(disk);
    fixture_wait(disk->completions, 1);
    assert_int_equal(writable(disk), STATUS_OK);
    assert_true(ballast_is_there(disk));
    others_fill(disk, sizing.free_min - MIB / 2);
    wait_until_writable_is(disk, STATUS_NO_SPACE);
    /* What is not a client's, as a vote or a leader's entries, goes on down to the reserve. */
    submit(disk);
    fixture_wait(disk->completions, 2);
    assert_int_equal(disk->completions->statuses[1], STATUS_OK);
    assert_all_there(disk, 2);
    others_leave(disk);
    wait_until_writable_is(disk, STATUS_OK);
}

static void test_space_must_come_back_with_some_to_spare(void **state) {
    struct disk *disk = *state;
    if (!may_mount()) {
        skip();
    }
    struct sizing sizing = sizing_of_disk();
    others_fill(disk, sizing.free_min - MIB / 2);
    wait_until_writable_is(disk, STATUS_NO_SPACE);
    others_leave(disk);
    others_fill(disk, (sizing.free_min + sizing.free_resume) / 2);
    assert_false(fixture_wait_for_ms(disk->completions, 1, 3 * STORAGE_DISK_POLL_MS));
    assert_int_equal(writable(disk), STATUS_NO_SPACE);
    others_leave(disk);
    wait_until_writable_is(disk, STATUS_OK);
}

static void test_a_disk_filled_by_others_stops_writes_until_there_is_space(void **state) {
    struct disk *disk = *state;
    if (!may_mount()) {
        skip();
    }
    /* Less than a memtable: a flush that is under way when the last byte goes could not be helped. */
    for (size_t i = 1; i <= SOME; i++) {
        submit(disk);
        fixture_wait(disk->completions, i);
    }
    others_fill(disk, 0);
    submit(disk);
    assert_false(fixture_wait_for_ms(disk->completions, SOME + 1, 3 * STORAGE_DISK_POLL_MS));
    assert_int_equal(writable(disk), STATUS_NO_SPACE);
    assert_false(ballast_is_there(disk));
    others_fill(disk, 0); /* they take the ballast, too */
    assert_false(fixture_wait_for_ms(disk->completions, SOME + 1, STALL_MS));
    assert_all_there(disk, SOME);
    others_leave(disk);
    fixture_wait(disk->completions, SOME + 1);
    assert_int_equal(disk->completions->statuses[SOME], STATUS_OK);
    wait_until_writable_is(disk, STATUS_OK);
    assert_true(ballast_is_there(disk));
    assert_all_there(disk, SOME + 1);
}

/* Writes that nobody refuses, as a leader's entries are to a follower, end in waiting, not in an abort. */
static void test_our_own_writes_never_fill_the_disk(void **state) {
    struct disk *disk = *state;
    if (!may_mount()) {
        skip();
    }
    size_t submitted = 0;
    bool refused = false;
    for (;;) {
        submit(disk);
        submitted++;
        refused = refused || writable(disk) == STATUS_NO_SPACE;
        if (!fixture_wait_for_ms(disk->completions, submitted, 3 * STORAGE_DISK_POLL_MS)) {
            break;
        }
        assert_true(submitted < (size_t)DISK_MIB * MIB / SIZE);
    }
    assert_true(refused);
    assert_true(free_bytes(disk) > 0);
    assert_all_there(disk, submitted - 1);
    /* Closed while it waits: the last batch was not written, and says so. */
    fixture_close(disk->storage);
    assert_int_equal(disk->completions->count, submitted);
    assert_int_equal(disk->completions->statuses[submitted - 1], STATUS_NO_SPACE);
    fixture_completions_destroy(disk->completions);
    disk_open(disk);
    assert_int_equal(writable(disk), STATUS_NO_SPACE);
    assert_all_there(disk, submitted - 1);
}

static void test_a_full_disk_is_not_opened(void **state) {
    struct disk *disk = *state;
    if (!may_mount()) {
        skip();
    }
    submit(disk);
    fixture_wait(disk->completions, 1);
    disk_close(disk);
    others_fill(disk, 0);
    struct storage_rocksdb_info info;
    struct error error;
    assert_int_equal(disk_try_open(disk, &info, &error), STATUS_NO_SPACE);
    assert_non_null(strstr(error.message, "bytes free"));
    assert_true(error.retriable);
    disk->storage = NULL;
    others_leave(disk);
    disk_open(disk);
    assert_all_there(disk, 1);
    wait_until_writable_is(disk, STATUS_OK);
}

static void test_a_disk_without_inodes_counts_as_full(void **state) {
    struct disk *disk = *state;
    if (!may_mount()) {
        skip();
    }
    assert_int_equal(mount(NULL, disk->directory.root, NULL, MS_REMOUNT, "size=64m,nr_inodes=80"), 0);
    wait_until_writable_is(disk, STATUS_NO_SPACE);
    assert_int_equal(mount(NULL, disk->directory.root, NULL, MS_REMOUNT, "size=64m,nr_inodes=4096"), 0);
    wait_until_writable_is(disk, STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_below_the_watermark_clients_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_space_must_come_back_with_some_to_spare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_disk_filled_by_others_stops_writes_until_there_is_space, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_our_own_writes_never_fill_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk_is_not_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_disk_without_inodes_counts_as_full, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
