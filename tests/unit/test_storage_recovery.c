/*
 * What becomes of a data directory after a kill, and after damage of every kind: whatever was acknowledged is
 * there, or the directory says that it is not to be trusted.
 *
 * RocksDB does not survive a fork, so children are this program again, with a role:
 *     writer <data directory>          writes until it is killed; each acknowledged token goes to stdout
 *     opener <data directory> <index>  opens, looks for all entries up to <index>, tells by its exit code
 */
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GROUP = 3, SIZE = 300, IN_FLIGHT = 8, KILLS = 4, FLIPS = 32 };

enum verdict { WHOLE = 10, REPLACED, NEW, SILENTLY_FEWER, REFUSED };

/* ---- Roles of children ---- */

static void acknowledge(void *context, uint64_t token, enum status status) {
    (void)context;
    if (status == STATUS_OK && write(STDOUT_FILENO, &token, sizeof token) != sizeof token) {
        _exit(EXIT_FAILURE);
    }
    fixture_done(context, token, status);
}

/* Entry and hard state in one batch: one without the other would show a batch that was cut. */
static void submit_step(struct storage *storage, storage_done done, void *context, uint64_t index) {
    struct storage_batch *batch = storage_batch_create(done, context, index);
    fixture_put(batch, GROUP, index, index, SIZE);
    uint8_t hard[sizeof index];
    bytes_put_u64le(hard, index);
    storage_batch_put_state(batch, GROUP, STORAGE_STATE_HARD, slice_make(hard, sizeof hard));
    storage_submit(storage, batch);
}

static uint64_t last_index(struct storage *storage) {
    uint64_t first = 0;
    uint64_t last = 0;
    enum status status = storage->operations->log_bounds(storage, GROUP, &first, &last);
    return status == STATUS_OK ? last : 0;
}

static int run_writer(const struct fixture_directory *directory) {
    struct storage_rocksdb_info info;
    struct storage *storage = NULL;
    if (fixture_try_open(directory, &storage, &info, NULL) != STATUS_OK) {
        return EXIT_FAILURE;
    }
    struct fixture_completions *completions = calloc(1, sizeof *completions);
    mutex_init(&completions->mutex);
    condition_init(&completions->changed);
    uint64_t begin = last_index(storage) + 1;
    for (uint64_t index = begin; index < begin + FIXTURE_TOKENS_MAX; index++) {
        submit_step(storage, acknowledge, completions, index);
        if (index - begin >= IN_FLIGHT &&
            !fixture_wait_for_ms(completions, index - begin - IN_FLIGHT, 60000)) {
            return EXIT_FAILURE;
        }
    }
    return EXIT_FAILURE; /* nobody killed it */
}

static bool holds_all(struct storage *storage, uint64_t last) {
    for (uint64_t index = 1; index <= last; index++) {
        struct blob *blob = NULL;
        if (storage->operations->read_entry(storage, GROUP, index, &blob) != STATUS_OK) {
            return false;
        }
        bool same = fixture_entry_is(blob, GROUP, index, SIZE);
        blob_release(blob);
        if (!same) {
            return false;
        }
    }
    struct blob *hard = NULL;
    if (last > 0 && storage->operations->read_state(storage, GROUP, STORAGE_STATE_HARD, &hard) != STATUS_OK) {
        return false;
    }
    bool same = last == 0 || (hard->size == 8 && bytes_get_u64le(hard->data) == last_index(storage));
    blob_release(hard);
    return same;
}

static int run_opener(const struct fixture_directory *directory, uint64_t last) {
    struct storage_rocksdb_info info;
    struct storage *storage = NULL;
    struct error error;
    if (fixture_try_open(directory, &storage, &info, &error) != STATUS_OK) {
        fprintf(stderr, "refused: %s\n", error.message);
        return REFUSED;
    }
    enum verdict verdict = REPLACED;
    if (info.origin == STORAGE_ORIGIN_RECOVERED) {
        verdict = holds_all(storage, last) ? WHOLE : SILENTLY_FEWER;
    } else if (info.origin == STORAGE_ORIGIN_NEW) {
        verdict = NEW;
    }
    fixture_close(storage);
    return (int)verdict;
}

static pid_t spawn(char *const arguments[], int output) {
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    if (output >= 0) {
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO), 0);
    }
    pid_t child = 0;
    assert_int_equal(posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static enum verdict open_in_child(const struct fixture_directory *directory, uint64_t last) {
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, last);
    char path[FIXTURE_PATH_MAX];
    snprintf(path, sizeof path, "%s", directory->data);
    char program[] = "test_storage_recovery";
    char role[] = "opener";
    char *const arguments[] = {program, role, path, number, NULL};
    pid_t child = spawn(arguments, -1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status)); /* RocksDB must not abort, however damaged its files */
    return (enum verdict)WEXITSTATUS(status);
}

/* ---- Kills ---- */

/* The last token that was acknowledged before the writer was killed. */
static uint64_t write_and_kill(const struct fixture_directory *directory, uint64_t acknowledged_min) {
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    char path[FIXTURE_PATH_MAX];
    snprintf(path, sizeof path, "%s", directory->data);
    char program[] = "test_storage_recovery";
    char role[] = "writer";
    char *const arguments[] = {program, role, path, NULL};
    pid_t child = spawn(arguments, pipes[1]);
    close(pipes[1]);
    uint64_t last = 0;
    uint64_t token = 0;
    bool killed = false;
    while (read(pipes[0], &token, sizeof token) == sizeof token) {
        assert_true(token > last);
        last = token;
        if (!killed && token >= acknowledged_min) {
            assert_int_equal(kill(child, SIGKILL), 0);
            killed = true;
        }
    }
    assert_true(killed);
    close(pipes[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return last;
}

static void test_what_was_acknowledged_survives_a_kill(void **state) {
    (void)state;
    struct fixture_directory directory;
    fixture_directory_init(&directory);
    uint64_t last = 0;
    for (size_t round = 0; round < KILLS; round++) {
        /* The memtables hold some 1,000 of these: some kills fall between flushes, others after. */
        last = write_and_kill(&directory, last + 300 + round * 700);
        assert_int_equal(open_in_child(&directory, last), WHOLE);
    }
    fixture_directory_finish(&directory);
}

/* ---- Damage ---- */

enum { STEPS = 60 };

/* STEPS steps in one write-ahead log, closed: the witness is up to date. */
static void write_steps(const struct fixture_directory *directory) {
    struct storage_rocksdb_info info;
    struct storage *storage = fixture_open(directory, &info);
    struct fixture_completions *completions = fixture_completions_create();
    uint64_t begin = last_index(storage) + 1;
    for (uint64_t index = begin; index < begin + STEPS; index++) {
        submit_step(storage, fixture_done, completions, index);
        fixture_wait(completions, index - begin + 1);
    }
    fixture_close(storage);
    fixture_completions_destroy(completions);
}

static void make_closed(struct fixture_directory *directory, struct uuid *ret_uuid) {
    fixture_directory_init(directory);
    struct storage_rocksdb_info info;
    fixture_close(fixture_open(directory, &info));
    *ret_uuid = info.disk_uuid;
    write_steps(directory);
}

static void assert_replaced(const struct fixture_directory *directory, const struct uuid *before,
                            const char *word) {
    struct storage_rocksdb_info info;
    struct storage *storage = fixture_open(directory, &info);
    assert_int_equal(info.origin, STORAGE_ORIGIN_REPLACED);
    assert_non_null(strstr(info.reason, word));
    assert_false(uuid_equal(&info.disk_uuid, before));
    assert_int_equal(last_index(storage), 0);
    fixture_close(storage);
    /* From now on it is a disk like any other. */
    struct storage_rocksdb_info again;
    storage = fixture_open(directory, &again);
    assert_int_equal(again.origin, STORAGE_ORIGIN_RECOVERED);
    assert_true(uuid_equal(&again.disk_uuid, &info.disk_uuid));
    fixture_close(storage);
}

static void find(const struct fixture_directory *directory, const char *suffix,
                 char ret_path[FIXTURE_PATH_MAX]) {
    assert_true(fixture_find(directory, suffix, ret_path));
}

/* What an ordinary power cut leaves of a write that was never synced: its first pages, and not all of them.
 */
static void append_torn_record(const char *path) {
    enum { HEADER = 7, AT_LENGTH = 4, AT_TYPE = 6, FULL = 1, LENGTH = 12000, PAGE = 4096 };
    uint8_t *bytes = calloc(1, HEADER + LENGTH);
    assert_non_null(bytes);
    bytes_put_u32le(bytes, 0x12345678);
    bytes_put_u16le(bytes + AT_LENGTH, LENGTH);
    bytes[AT_TYPE] = FULL;
    memset(bytes + HEADER + PAGE, 0xAB, PAGE);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, HEADER + LENGTH, file), HEADER + LENGTH);
    fclose(file);
    free(bytes);
}

static void test_a_torn_write_at_the_end_harms_nothing(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct uuid uuid;
    make_closed(&directory, &uuid);
    char wal[FIXTURE_PATH_MAX];
    find(&directory, ".log", wal);
    append_torn_record(wal);
    assert_int_equal(open_in_child(&directory, STEPS), WHOLE);
    fixture_directory_finish(&directory);
}

static void test_a_cut_log_is_a_lost_tail(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct uuid uuid;
    make_closed(&directory, &uuid);
    char wal[FIXTURE_PATH_MAX];
    find(&directory, ".log", wal);
    fixture_truncate(wal, fixture_file_size(wal) - 1);
    assert_replaced(&directory, &uuid, "tail is lost");
    assert_int_equal(fixture_lost_databases(&directory), 1);
    fixture_directory_finish(&directory);
}

static void test_a_deleted_log_is_a_lost_tail(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct uuid uuid;
    make_closed(&directory, &uuid);
    char wal[FIXTURE_PATH_MAX];
    find(&directory, ".log", wal);
    assert_int_equal(unlink(wal), 0);
    assert_replaced(&directory, &uuid, "tail is lost");
    fixture_directory_finish(&directory);
}

/* Takes one whole record out of the log's first block: nothing in RocksDB notices. */
static void cut_out_record(const char *path) {
    enum { HEADER = 7, AT_LENGTH = 4, BLOCK = 32768, SKIPPED = 5 };
    uint8_t *bytes = malloc(BLOCK);
    assert_non_null(bytes);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    size_t size = fread(bytes, 1, BLOCK, file);
    assert_true(size < BLOCK);
    size_t at = 0;
    for (size_t i = 0; i < SKIPPED; i++) {
        at += HEADER + bytes_get_u16le(bytes + at + AT_LENGTH);
    }
    size_t length = HEADER + bytes_get_u16le(bytes + at + AT_LENGTH);
    memmove(bytes + at, bytes + at + length, size - at - length);
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, size - length, file), size - length);
    fclose(file);
    fixture_truncate(path, size - length);
    free(bytes);
}

static void test_a_hole_in_the_log_is_seen(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct uuid uuid;
    make_closed(&directory, &uuid);
    char wal[FIXTURE_PATH_MAX];
    find(&directory, ".log", wal);
    cut_out_record(wal);
    assert_replaced(&directory, &uuid, "of 61 commits");
    fixture_directory_finish(&directory);
}

/* States fill their memtable long before the log does its own: were they flushed alone, the count of commits
 * would be safe in a table, and vouch for entries that only a log file holds. */
static uint64_t write_many_states(const struct fixture_directory *directory) {
    enum { BATCHES = 3000, STATES = 6 };
    struct storage_rocksdb_info info;
    struct storage *storage = fixture_open(directory, &info);
    struct fixture_completions *completions = fixture_completions_create();
    uint8_t hard[sizeof(uint64_t)];
    for (uint64_t index = 1; index <= BATCHES; index++) {
        struct storage_batch *batch = storage_batch_create(fixture_done, completions, index);
        if (index % 10 == 0) {
            fixture_put(batch, GROUP, index / 10, index / 10, SIZE);
        }
        bytes_put_u64le(hard, index / 10);
        for (size_t i = 0; i < STATES; i++) {
            storage_batch_put_state(batch, GROUP, STORAGE_STATE_HARD, slice_make(hard, sizeof hard));
        }
        storage_submit(storage, batch);
        fixture_wait(completions, index);
    }
    fixture_close(storage);
    fixture_completions_destroy(completions);
    return BATCHES / 10;
}

static void test_no_missing_log_file_passes(void **state) {
    (void)state;
    struct fixture_directory original;
    fixture_directory_init(&original);
    uint64_t last = write_many_states(&original);
    char wal[FIXTURE_PATH_MAX];
    for (size_t deleted = 0; fixture_find(&original, ".log", wal); deleted++) {
        assert_true(deleted < 10);
        assert_int_equal(unlink(wal), 0);
        struct fixture_directory copy;
        fixture_directory_init(&copy);
        fixture_copy(&original, &copy);
        enum verdict verdict = open_in_child(&copy, last);
        assert_true(verdict == WHOLE || verdict == REPLACED);
        fixture_directory_finish(&copy);
    }
    fixture_directory_finish(&original);
}

/* Opens a damaged copy for every `step`th bit of a file. */
static void flip_through(const char *suffix, bool in_database) {
    struct fixture_directory original;
    struct uuid uuid;
    make_closed(&original, &uuid);
    char path[FIXTURE_PATH_MAX];
    if (in_database) {
        find(&original, suffix, path);
    } else {
        fixture_path(&original, suffix, path);
    }
    size_t size = fixture_file_size(path);
    size_t replaced = 0;
    for (size_t i = 0; i < FLIPS; i++) {
        struct fixture_directory copy;
        fixture_directory_init(&copy);
        fixture_copy(&original, &copy);
        char name[FIXTURE_PATH_MAX];
        snprintf(name, sizeof name, "%s%s", copy.data, path + strlen(original.data));
        fixture_flip_bit(name, i * size / FLIPS, (unsigned)(i % 8));
        enum verdict verdict = open_in_child(&copy, STEPS);
        if (verdict != WHOLE && verdict != REPLACED) {
            fail_msg("%s: bit %zu of byte %zu: verdict %d", suffix, i % 8, i * size / FLIPS, verdict);
        }
        replaced += verdict == REPLACED;
        fixture_directory_finish(&copy);
    }
    print_message("%s: %zu of %d flips made a new disk, the others did no harm\n", suffix, replaced, FLIPS);
    fixture_directory_finish(&original);
}

static void test_no_flip_in_the_log_loses_anything_in_silence(void **state) {
    (void)state;
    flip_through(".log", true);
}

static void test_no_flip_in_the_manifest_loses_anything_in_silence(void **state) {
    (void)state;
    char path[FIXTURE_PATH_MAX];
    struct fixture_directory probe;
    struct uuid uuid;
    make_closed(&probe, &uuid);
    char folder[FIXTURE_PATH_MAX];
    find(&probe, "CURRENT", path);
    FILE *file = fopen(path, "r");
    char manifest[64] = {0};
    assert_non_null(fgets(manifest, sizeof manifest, file));
    fclose(file);
    manifest[strcspn(manifest, "\n")] = '\0';
    snprintf(folder, sizeof folder, "%s", manifest);
    fixture_directory_finish(&probe);
    flip_through(folder, true);
}

static void test_no_flip_in_identity_or_witness_passes(void **state) {
    (void)state;
    flip_through("identity", false);
    flip_through("witness", false);
}

static void test_missing_parts_make_a_new_disk(void **state) {
    (void)state;
    static const char *const names[] = {"identity", "witness", "db/CURRENT"};
    static const char *const words[] = {"identity file is gone", "witness file is gone", "damaged"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct fixture_directory directory;
        struct uuid uuid;
        make_closed(&directory, &uuid);
        char path[FIXTURE_PATH_MAX];
        fixture_path(&directory, names[i], path);
        assert_int_equal(unlink(path), 0);
        assert_replaced(&directory, &uuid, words[i]);
        fixture_directory_finish(&directory);
    }
}

static void test_another_disks_database_is_not_taken(void **state) {
    (void)state;
    struct fixture_directory mine;
    struct fixture_directory other;
    struct uuid my_uuid;
    struct uuid other_uuid;
    make_closed(&mine, &my_uuid);
    make_closed(&other, &other_uuid);
    char from[FIXTURE_PATH_MAX];
    char to[FIXTURE_PATH_MAX];
    char away[FIXTURE_PATH_MAX];
    fixture_path(&mine, "db", to);
    fixture_path(&mine, "away", away);
    fixture_path(&other, "db", from);
    assert_int_equal(rename(to, away), 0);
    assert_int_equal(rename(from, to), 0);
    assert_replaced(&mine, &my_uuid, "same disk");
    fixture_directory_finish(&mine);
    fixture_directory_finish(&other);
}

static void test_the_newest_lost_databases_are_kept(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct uuid uuid;
    make_closed(&directory, &uuid);
    for (size_t i = 0; i < STORAGE_LOST_DATABASES_MAX + 2; i++) {
        write_steps(&directory);
        char path[FIXTURE_PATH_MAX];
        fixture_path(&directory, "identity", path);
        fixture_flip_bit(path, 20, 1);
        assert_replaced(&directory, &uuid, "identity file is damaged");
    }
    assert_int_equal(fixture_lost_databases(&directory), STORAGE_LOST_DATABASES_MAX);
    fixture_directory_finish(&directory);
}

/* A first start, or a replacement, that is cut short between any two of its steps begins again. */
static void test_an_interrupted_making_is_made_again(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct storage_rocksdb_info info;
    fixture_directory_init(&directory);
    fixture_close(fixture_open(&directory, &info));
    assert_int_equal(info.origin, STORAGE_ORIGIN_NEW);
    char identity[FIXTURE_PATH_MAX];
    char witness[FIXTURE_PATH_MAX];
    char database[FIXTURE_PATH_MAX];
    char unfinished[FIXTURE_PATH_MAX];
    fixture_path(&directory, "identity", identity);
    fixture_path(&directory, "witness", witness);
    fixture_path(&directory, "db", database);
    fixture_path(&directory, "db.new", unfinished);
    assert_int_equal(unlink(identity), 0);
    fixture_close(fixture_open(&directory, &info));
    assert_int_equal(info.origin, STORAGE_ORIGIN_NEW);
    assert_int_equal(unlink(identity), 0);
    assert_int_equal(unlink(witness), 0);
    assert_int_equal(rename(database, unfinished), 0);
    fixture_close(fixture_open(&directory, &info));
    assert_int_equal(info.origin, STORAGE_ORIGIN_NEW);
    assert_int_equal(access(unfinished, F_OK), -1);
    assert_int_equal(fixture_lost_databases(&directory), 0);
    fixture_close(fixture_open(&directory, &info));
    assert_int_equal(info.origin, STORAGE_ORIGIN_RECOVERED);
    fixture_directory_finish(&directory);
}

static void test_a_wiped_directory_is_new(void **state) {
    (void)state;
    struct fixture_directory directory;
    struct uuid uuid;
    make_closed(&directory, &uuid);
    fixture_directory_finish(&directory);
    assert_int_equal(mkdir(directory.root, 0750), 0);
    assert_int_equal(mkdir(directory.data, 0750), 0);
    struct storage_rocksdb_info info;
    fixture_close(fixture_open(&directory, &info));
    assert_int_equal(info.origin, STORAGE_ORIGIN_NEW);
    assert_false(uuid_equal(&info.disk_uuid, &uuid));
    fixture_directory_finish(&directory);
}

int main(int count, char **arguments) {
    if (count >= 3) {
        struct fixture_directory directory = {0};
        snprintf(directory.data, sizeof directory.data, "%s", arguments[2]);
        log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 0);
        return strcmp(arguments[1], "writer") == 0
                   ? run_writer(&directory)
                   : run_opener(&directory, count > 3 ? strtoull(arguments[3], NULL, 10) : 0);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_acknowledged_survives_a_kill),
        cmocka_unit_test(test_a_torn_write_at_the_end_harms_nothing),
        cmocka_unit_test(test_a_cut_log_is_a_lost_tail),
        cmocka_unit_test(test_a_deleted_log_is_a_lost_tail),
        cmocka_unit_test(test_a_hole_in_the_log_is_seen),
        cmocka_unit_test(test_no_missing_log_file_passes),
        cmocka_unit_test(test_no_flip_in_the_log_loses_anything_in_silence),
        cmocka_unit_test(test_no_flip_in_the_manifest_loses_anything_in_silence),
        cmocka_unit_test(test_no_flip_in_identity_or_witness_passes),
        cmocka_unit_test(test_missing_parts_make_a_new_disk),
        cmocka_unit_test(test_another_disks_database_is_not_taken),
        cmocka_unit_test(test_the_newest_lost_databases_are_kept),
        cmocka_unit_test(test_an_interrupted_making_is_made_again),
        cmocka_unit_test(test_a_wiped_directory_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
