/*
 * A sample of the corruption matrix (tests/corruption), and the damage that it found, each by itself.
 */
#include "matrix.h"
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GROUP = 7, SIZE = 1000, SAMPLE_CASES = 400, SAMPLE_SECONDS_MAX = 12 };

static void test_a_sample_of_the_matrix(void **state) {
    (void)state;
    struct fixture_directory directory;
    fixture_directory_init(&directory);
    struct matrix_options options = {
        .seed = (uint64_t)time(NULL),
        .cases = SAMPLE_CASES,
        .seconds_max = SAMPLE_SECONDS_MAX,
        .directory = directory.root,
    };
    struct matrix_result result;
    matrix_run(&options, &result);
    print_message("%lu cases, %lu failed\n", (unsigned long)result.cases, (unsigned long)result.failed);
    assert_true(result.cases > 0);
    assert_int_equal(result.failed, 0);
    fixture_directory_finish(&directory);
}

/* A closed data directory of one group; everything in this is done by a process of its own, since RocksDB's
 * threads do not survive a fork. */
static void make_directory(const struct fixture_directory *directory) {
    pid_t child = fork();
    if (child == 0) {
        struct storage_rocksdb_info info;
        struct fixture_completions *completions = fixture_completions_create();
        struct storage *storage = fixture_open(directory, &info);
        struct storage_batch *batch = fixture_batch(completions);
        fixture_put(batch, GROUP, 1, 20, SIZE);
        bool written = fixture_commit(storage, completions, batch) == STATUS_OK;
        fixture_close(storage);
        _exit(written ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Opens in a process of its own: what it ended with. */
static int open_apart(const struct fixture_directory *directory, enum storage_origin expected) {
    pid_t child = fork();
    if (child == 0) {
        struct storage *storage = NULL;
        struct storage_rocksdb_info info;
        struct error error;
        enum status status = fixture_try_open(directory, &storage, &info, &error);
        bool as_expected = status == STATUS_OK && info.origin == expected;
        if (status == STATUS_OK) {
            fixture_close(storage);
        }
        _exit(as_expected ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* Where MANIFEST-<number> is. */
static void find_manifest(const struct fixture_directory *directory, char ret_path[FIXTURE_PATH_MAX]) {
    char current[64] = {0};
    char name[128];
    char path[FIXTURE_PATH_MAX];
    fixture_path(directory, "db/CURRENT", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, current, sizeof current - 1) > 1);
    close(fd);
    current[strcspn(current, "\n")] = '\0';
    snprintf(name, sizeof name, "db/%s", current);
    fixture_path(directory, name, ret_path);
}

static void repeat_content(const char *path) {
    uint8_t bytes[65536];
    int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = pread(fd, bytes, sizeof bytes, 0);
    assert_true(size > 0 && (size_t)size < sizeof bytes);
    assert_int_equal(write(fd, bytes, (size_t)size), size);
    close(fd);
}

static void test_damage_that_ends_a_process_ends_only_one(void **state) {
    (void)state;
    struct fixture_directory directory;
    char manifest[FIXTURE_PATH_MAX];
    fixture_directory_init(&directory);
    make_directory(&directory);
    find_manifest(&directory, manifest);
    repeat_content(manifest);
    int first = open_apart(&directory, STORAGE_ORIGIN_REPLACED);
    assert_true(WIFSIGNALED(first) && WTERMSIG(first) == SIGABRT);
    assert_int_equal(open_apart(&directory, STORAGE_ORIGIN_REPLACED), 0);
    assert_int_equal(open_apart(&directory, STORAGE_ORIGIN_RECOVERED), 0);
    assert_int_equal(fixture_lost_databases(&directory), 1);
    fixture_directory_finish(&directory);
}

static void test_a_start_that_was_cut_costs_nothing(void **state) {
    (void)state;
    struct fixture_directory directory;
    char mark[FIXTURE_PATH_MAX];
    fixture_directory_init(&directory);
    make_directory(&directory);
    fixture_path(&directory, "opening", mark);
    int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(open_apart(&directory, STORAGE_ORIGIN_RECOVERED), 0);
    assert_int_not_equal(access(mark, F_OK), 0);
    fixture_directory_finish(&directory);
}

static void test_a_distrusted_disk_is_replaced(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct storage_rocksdb_info before;
    struct storage_rocksdb_info after;
    struct error error;
    fixture_directory_init(&directory);
    struct fixture_completions *completions = fixture_completions_create();
    struct storage *storage = fixture_open(&directory, &before);
    struct storage_batch *batch = fixture_batch(completions);
    fixture_put(batch, GROUP, 1, 20, SIZE);
    assert_int_equal(fixture_commit(storage, completions, batch), STATUS_OK);
    assert_int_equal(storage_rocksdb_distrust(storage, &error), STATUS_OK);
    fixture_close(storage);
    storage = fixture_open(&directory, &after);
    assert_int_equal(after.origin, STORAGE_ORIGIN_REPLACED);
    assert_false(uuid_equal(&before.disk_uuid, &after.disk_uuid));
    assert_int_equal(fixture_lost_databases(&directory), 1);
    fixture_close(storage);
    fixture_completions_destroy(completions);
    fixture_directory_finish(&directory);
}

int main(void) {
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 0);
    /* Those that fork come first: RocksDB leaves threads behind. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sample_of_the_matrix),
        cmocka_unit_test(test_damage_that_ends_a_process_ends_only_one),
        cmocka_unit_test(test_a_start_that_was_cut_costs_nothing),
        cmocka_unit_test(test_a_distrusted_disk_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
