/*
 * What the port promises, held against both implementations.
 */
#include "allocation.h"
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { GROUP = 7, SIZE = 100, ENTRY_SIZE = ENTRY_HEADER_SIZE + SIZE };

struct subject {
    struct storage *storage;
    struct fixture_completions *completions;
    struct fixture_directory directory;
    bool on_disk;
};

static struct subject *subject_create(bool on_disk) {
    struct subject *subject = calloc(1, sizeof *subject);
    assert_non_null(subject);
    subject->completions = fixture_completions_create();
    subject->on_disk = on_disk;
    if (on_disk) {
        struct storage_rocksdb_info info;
        fixture_directory_init(&subject->directory);
        subject->storage = fixture_open(&subject->directory, &info);
    } else {
        subject->storage = storage_memory_create();
    }
    assert_non_null(subject->storage);
    return subject;
}

static int setup_memory(void **state) {
    *state = subject_create(false);
    return 0;
}

static int setup_rocksdb(void **state) {
    *state = subject_create(true);
    return 0;
}

static int teardown(void **state) {
    struct subject *subject = *state;
    fixture_close(subject->storage);
    fixture_completions_destroy(subject->completions);
    if (subject->on_disk) {
        fixture_directory_finish(&subject->directory);
    }
    free(subject);
    return 0;
}

static struct storage_batch *batch_of(struct subject *subject) {
    return fixture_batch(subject->completions);
}

static void commit(struct subject *subject, struct storage_batch *batch) {
    assert_int_equal(fixture_commit(subject->storage, subject->completions, batch), STATUS_OK);
}

static void put(struct subject *subject, uint64_t group, uint64_t first, uint64_t last) {
    struct storage_batch *batch = batch_of(subject);
    fixture_put(batch, group, first, last, SIZE);
    commit(subject, batch);
}

static void put_state(struct subject *subject, uint64_t group, enum storage_state kind, const char *text) {
    struct storage_batch *batch = batch_of(subject);
    storage_batch_put_state(batch, group, kind, slice_of_string(text));
    commit(subject, batch);
}

static enum status read_one(struct subject *subject, uint64_t group, uint64_t index) {
    struct blob *blob = NULL;
    enum status status = subject->storage->operations->read_entry(subject->storage, group, index, &blob);
    if (status == STATUS_OK) {
        assert_true(fixture_entry_is(blob, group, index, SIZE));
    } else {
        assert_null(blob);
    }
    blob_release(blob);
    return status;
}

/* Reads and checks; the number of entries, or 0 with `status`. */
static size_t read_many(struct subject *subject, uint64_t first, uint64_t last, size_t bytes_max,
                        enum status expected) {
    struct storage_entries entries = {0};
    enum status status =
        subject->storage->operations->read_entries(subject->storage, GROUP, first, last, bytes_max, &entries);
    assert_int_equal(status, expected);
    size_t count = entries.count;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries.entries[i].index, first + i);
        assert_int_equal(entries.entries[i].term, 1);
        assert_int_equal(entries.entries[i].type, RAFT_ENTRY_RECORDS);
        assert_true(fixture_entry_is(entries.entries[i].blob, GROUP, first + i, SIZE));
    }
    storage_entries_finish(&entries);
    return count;
}

static enum status verify(struct subject *subject, uint64_t first, uint64_t last, size_t bytes_max,
                          struct storage_verified *ret_verified) {
    return subject->storage->operations->verify_entries(subject->storage, GROUP, first, last, bytes_max,
                                                        ret_verified);
}

static void test_verifying(void **state) {
    struct subject *subject = *state;
    struct storage_verified verified;
    put(subject, GROUP, 1, 10);
    assert_int_equal(verify(subject, 1, 10, SIZE_MAX, &verified), STATUS_OK);
    assert_int_equal(verified.next, 11);
    assert_int_equal(verified.bytes, 10 * ENTRY_SIZE);
    /* As many as fit, but one at least; up to the log's end. */
    assert_int_equal(verify(subject, 3, 10, 3 * ENTRY_SIZE, &verified), STATUS_OK);
    assert_int_equal(verified.next, 6);
    assert_int_equal(verify(subject, 3, 10, 1, &verified), STATUS_OK);
    assert_int_equal(verified.next, 4);
    assert_int_equal(verify(subject, 9, 99, SIZE_MAX, &verified), STATUS_OK);
    assert_int_equal(verified.next, 11);
    assert_int_equal(verify(subject, 11, 99, SIZE_MAX, &verified), STATUS_NOT_FOUND);
}

static void test_verifying_finds_damage(void **state) {
    struct subject *subject = *state;
    struct storage_verified verified;
    put(subject, GROUP, 1, 10);
    struct blob *rotten = fixture_entry(GROUP, 4, SIZE);
    rotten->data[ENTRY_HEADER_SIZE] ^= 1;
    struct blob *misplaced = fixture_entry(GROUP, 8, SIZE);
    struct storage_batch *batch = batch_of(subject);
    storage_batch_put_entry(batch, GROUP, 4, rotten);
    storage_batch_remove_entries(batch, GROUP, 6, 6);
    storage_batch_put_entry(batch, GROUP, 9, misplaced);
    commit(subject, batch);
    blob_release(rotten);
    blob_release(misplaced);
    assert_int_equal(verify(subject, 1, 3, SIZE_MAX, &verified), STATUS_OK);
    assert_int_equal(verify(subject, 1, 4, SIZE_MAX, &verified), STATUS_CORRUPT);
    assert_int_equal(verify(subject, 4, 4, SIZE_MAX, &verified), STATUS_CORRUPT);
    assert_int_equal(verify(subject, 5, 7, SIZE_MAX, &verified), STATUS_CORRUPT);
    assert_int_equal(verify(subject, 6, 7, SIZE_MAX, &verified), STATUS_NOT_FOUND);
    assert_int_equal(verify(subject, 9, 9, SIZE_MAX, &verified), STATUS_CORRUPT);
    assert_int_equal(verify(subject, 10, 10, SIZE_MAX, &verified), STATUS_OK);
}

static void assert_bounds(struct subject *subject, uint64_t group, uint64_t first, uint64_t last) {
    uint64_t got_first = 0;
    uint64_t got_last = 0;
    assert_int_equal(subject->storage->operations->log_bounds(subject->storage, group, &got_first, &got_last),
                     STATUS_OK);
    assert_int_equal(got_first, first);
    assert_int_equal(got_last, last);
}

static void assert_no_log(struct subject *subject, uint64_t group) {
    uint64_t first = 0;
    uint64_t last = 0;
    assert_int_equal(subject->storage->operations->log_bounds(subject->storage, group, &first, &last),
                     STATUS_NOT_FOUND);
}

static void assert_state(struct subject *subject, uint64_t group, enum storage_state kind, const char *text) {
    struct blob *blob = NULL;
    enum status status = subject->storage->operations->read_state(subject->storage, group, kind, &blob);
    assert_int_equal(status, text ? STATUS_OK : STATUS_NOT_FOUND);
    if (text) {
        assert_true(slice_equal(blob_slice(blob), slice_of_string(text)));
    }
    blob_release(blob);
}

static void assert_groups(struct subject *subject, const uint64_t *expected, size_t count) {
    uint64_t *groups = NULL;
    size_t got = 0;
    assert_int_equal(subject->storage->operations->list_groups(subject->storage, &groups, &got), STATUS_OK);
    assert_int_equal(got, count);
    if (count > 0) {
        assert_memory_equal(groups, expected, count * sizeof *expected);
    }
    free(groups);
}

static void test_empty_has_nothing(void **state) {
    struct subject *subject = *state;
    assert_int_equal(read_one(subject, GROUP, 1), STATUS_NOT_FOUND);
    assert_int_equal(read_many(subject, 1, 9, SIZE_MAX, STATUS_NOT_FOUND), 0);
    assert_no_log(subject, GROUP);
    assert_state(subject, GROUP, STORAGE_STATE_HARD, NULL);
    assert_state(subject, STORAGE_GROUP_BROKER, STORAGE_STATE_META, NULL);
    assert_groups(subject, NULL, 0);
    assert_int_equal(subject->storage->operations->writable(subject->storage), STATUS_OK);
}

static void test_entries_come_back_as_they_went(void **state) {
    struct subject *subject = *state;
    put(subject, GROUP, 5, 24);
    for (uint64_t index = 5; index <= 24; index++) {
        assert_int_equal(read_one(subject, GROUP, index), STATUS_OK);
    }
    assert_int_equal(read_one(subject, GROUP, 4), STATUS_NOT_FOUND);
    assert_int_equal(read_one(subject, GROUP, 25), STATUS_NOT_FOUND);
    assert_int_equal(read_one(subject, GROUP + 1, 5), STATUS_NOT_FOUND);
    assert_bounds(subject, GROUP, 5, 24);
    struct entry_header header;
    assert_int_equal(subject->storage->operations->read_header(subject->storage, GROUP, 6, &header),
                     STATUS_OK);
    assert_int_equal(header.index, 6);
    assert_int_equal(header.base_offset, 60);
    assert_int_equal(header.payload_size, SIZE);
    assert_int_equal(subject->storage->operations->read_header(subject->storage, GROUP, 25, &header),
                     STATUS_NOT_FOUND);
}

static void test_ranges_are_bounded_in_index_and_bytes(void **state) {
    struct subject *subject = *state;
    put(subject, GROUP, 1, 100);
    put(subject, GROUP + 1, 1, 3);
    assert_int_equal(read_many(subject, 1, 100, SIZE_MAX, STATUS_OK), 100);
    assert_int_equal(read_many(subject, 98, UINT64_MAX, SIZE_MAX, STATUS_OK), 3);
    assert_int_equal(read_many(subject, 10, 10, SIZE_MAX, STATUS_OK), 1);
    assert_int_equal(read_many(subject, 10, 19, 3 * ENTRY_SIZE, STATUS_OK), 3);
    assert_int_equal(read_many(subject, 10, 19, 3 * ENTRY_SIZE - 1, STATUS_OK), 2);
    assert_int_equal(read_many(subject, 10, 19, 0, STATUS_OK), 1);
    assert_int_equal(read_many(subject, 101, 200, SIZE_MAX, STATUS_NOT_FOUND), 0);
    assert_int_equal(read_many(subject, 10, 9, SIZE_MAX, STATUS_NOT_FOUND), 0);
}

static void test_a_gap_is_corrupt(void **state) {
    struct subject *subject = *state;
    put(subject, GROUP, 1, 10);
    struct storage_batch *batch = batch_of(subject);
    storage_batch_remove_entries(batch, GROUP, 5, 6);
    commit(subject, batch);
    assert_int_equal(read_many(subject, 1, 4, SIZE_MAX, STATUS_OK), 4);
    assert_int_equal(read_many(subject, 1, 6, SIZE_MAX, STATUS_OK), 4);
    assert_int_equal(read_many(subject, 1, 7, SIZE_MAX, STATUS_CORRUPT), 0);
    assert_int_equal(read_many(subject, 5, 10, SIZE_MAX, STATUS_NOT_FOUND), 0);
    assert_int_equal(read_many(subject, 7, 10, SIZE_MAX, STATUS_OK), 4);
    assert_bounds(subject, GROUP, 1, 10);
}

/* Up to STORAGE_POINT_DELETES_MAX RocksDB removes one by one, beyond as a range. */
static void test_ranges_are_removed_whole(void **state) {
    struct subject *subject = *state;
    static const uint64_t sizes[] = {1, STORAGE_POINT_DELETES_MAX, STORAGE_POINT_DELETES_MAX + 1, 500};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        put(subject, GROUP, 1, 1000);
        put(subject, GROUP + 1, 1, 3);
        struct storage_batch *head = batch_of(subject);
        storage_batch_remove_entries(head, GROUP, 0, sizes[i]);
        commit(subject, head);
        assert_bounds(subject, GROUP, sizes[i] + 1, 1000);
        struct storage_batch *tail = batch_of(subject);
        storage_batch_remove_entries(tail, GROUP, 1000 - sizes[i] + 1, UINT64_MAX);
        commit(subject, tail);
        if (sizes[i] == 500) {
            assert_no_log(subject, GROUP);
        } else {
            assert_bounds(subject, GROUP, sizes[i] + 1, 1000 - sizes[i]);
            assert_int_equal(read_many(subject, sizes[i] + 1, 1000, SIZE_MAX, STATUS_OK),
                             1000 - 2 * sizes[i]);
        }
        assert_bounds(subject, GROUP + 1, 1, 3);
    }
}

static void test_truncation_and_append_are_one(void **state) {
    struct subject *subject = *state;
    put(subject, GROUP, 1, 200);
    struct storage_batch *batch = batch_of(subject);
    storage_batch_remove_entries(batch, GROUP, 100, 200);
    fixture_put(batch, GROUP, 100, 150, SIZE);
    storage_batch_put_state(batch, GROUP, STORAGE_STATE_HARD, slice_of_string("term 2"));
    commit(subject, batch);
    assert_bounds(subject, GROUP, 1, 150);
    assert_int_equal(read_many(subject, 1, 150, SIZE_MAX, STATUS_OK), 150);
    assert_state(subject, GROUP, STORAGE_STATE_HARD, "term 2");
}

static void test_operations_take_effect_in_order(void **state) {
    struct subject *subject = *state;
    struct storage_batch *batch = batch_of(subject);
    fixture_put(batch, GROUP, 1, 3, SIZE);
    storage_batch_remove_group(batch, GROUP);
    fixture_put(batch, GROUP, 500, 501, SIZE);
    storage_batch_remove_entries(batch, GROUP, 501, 501);
    storage_batch_put_state(batch, GROUP, STORAGE_STATE_HARD, slice_of_string("a"));
    storage_batch_put_state(batch, GROUP, STORAGE_STATE_HARD, slice_of_string("b"));
    commit(subject, batch);
    assert_bounds(subject, GROUP, 500, 500);
    assert_state(subject, GROUP, STORAGE_STATE_HARD, "b");
}

static void test_states_are_kept_apart(void **state) {
    struct subject *subject = *state;
    put_state(subject, GROUP, STORAGE_STATE_HARD, "hard");
    put_state(subject, GROUP, STORAGE_STATE_SNAPSHOT, "");
    put_state(subject, STORAGE_GROUP_BROKER, STORAGE_STATE_META, "meta");
    assert_state(subject, GROUP, STORAGE_STATE_HARD, "hard");
    assert_state(subject, GROUP, STORAGE_STATE_SNAPSHOT, "");
    assert_state(subject, GROUP, STORAGE_STATE_CONFIGURATIONS, NULL);
    assert_state(subject, GROUP + 1, STORAGE_STATE_HARD, NULL);
    assert_state(subject, STORAGE_GROUP_BROKER, STORAGE_STATE_META, "meta");
    put_state(subject, GROUP, STORAGE_STATE_HARD, "harder");
    assert_state(subject, GROUP, STORAGE_STATE_HARD, "harder");
}

static void test_groups_are_listed_in_order(void **state) {
    struct subject *subject = *state;
    static const uint64_t groups[] = {0, 1, 255, 256, 70000, UINT64_MAX - 1};
    static const size_t order[] = {4, 1, 5, 0, 3, 2};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        put_state(subject, groups[order[i]], STORAGE_STATE_HARD, "x");
        put_state(subject, groups[order[i]], STORAGE_STATE_SNAPSHOT, "y");
    }
    put_state(subject, STORAGE_GROUP_BROKER, STORAGE_STATE_META, "not a group");
    put(subject, 3, 1, 2); /* a log alone is no group */
    assert_groups(subject, groups, sizeof groups / sizeof groups[0]);
}

static void test_a_removed_group_is_gone(void **state) {
    struct subject *subject = *state;
    static const uint64_t left[] = {GROUP + 1};
    put(subject, GROUP, 1, 100);
    put_state(subject, GROUP, STORAGE_STATE_HARD, "a");
    put_state(subject, GROUP, STORAGE_STATE_META, "b");
    put(subject, GROUP + 1, 1, 2);
    put_state(subject, GROUP + 1, STORAGE_STATE_HARD, "c");
    struct storage_batch *batch = batch_of(subject);
    storage_batch_remove_group(batch, GROUP);
    commit(subject, batch);
    assert_no_log(subject, GROUP);
    assert_state(subject, GROUP, STORAGE_STATE_HARD, NULL);
    assert_state(subject, GROUP, STORAGE_STATE_META, NULL);
    assert_groups(subject, left, 1);
    assert_bounds(subject, GROUP + 1, 1, 2);
}

static void put_blob(struct subject *subject, uint64_t index, struct blob *blob) {
    struct storage_batch *batch = batch_of(subject);
    storage_batch_put_entry(batch, GROUP, index, blob);
    blob_release(blob);
    commit(subject, batch);
}

static void test_damaged_entries_are_refused(void **state) {
    struct subject *subject = *state;
    put(subject, GROUP, 1, 2);
    struct blob *flipped = fixture_entry(GROUP, 3, SIZE);
    flipped->data[ENTRY_SIZE - 1] ^= 1;
    put_blob(subject, 3, flipped);
    put_blob(subject, 4, fixture_entry(GROUP, 5, SIZE));     /* another index's */
    put_blob(subject, 5, fixture_entry(GROUP + 1, 5, SIZE)); /* another group's */
    for (uint64_t index = 3; index <= 5; index++) {
        assert_int_equal(read_one(subject, GROUP, index), STATUS_CORRUPT);
        assert_int_equal(read_many(subject, 1, index, SIZE_MAX, STATUS_CORRUPT), 0);
    }
    assert_int_equal(read_many(subject, 1, 2, SIZE_MAX, STATUS_OK), 2);
    for (uint64_t index = 4; index <= 5; index++) {
        struct entry_header header;
        assert_int_equal(subject->storage->operations->read_header(subject->storage, GROUP, index, &header),
                         STATUS_CORRUPT);
    }
}

static void test_completions_come_in_order(void **state) {
    struct subject *subject = *state;
    enum { BATCHES = 2000 };
    for (uint64_t token = 0; token < BATCHES; token++) {
        struct storage_batch *batch = storage_batch_create(fixture_done, subject->completions, token);
        fixture_put(batch, GROUP, token + 1, token + 1, SIZE);
        storage_submit(subject->storage, batch);
    }
    if (!subject->on_disk) {
        assert_int_equal(storage_memory_pending(subject->storage), BATCHES);
        storage_memory_sync(subject->storage, SIZE_MAX);
    }
    fixture_wait(subject->completions, BATCHES);
    for (uint64_t token = 0; token < BATCHES; token++) {
        assert_int_equal(subject->completions->tokens[token], token);
        assert_int_equal(subject->completions->statuses[token], STATUS_OK);
    }
    assert_int_equal(read_many(subject, 1, BATCHES, SIZE_MAX, STATUS_OK), BATCHES);
}

/* What could not be put together leaves a hole: nothing behind it may become durable. */
static void test_a_batch_without_memory_stops_all_after_it(void **state) {
    struct subject *subject = *state;
    put(subject, GROUP, 1, 1);
    struct storage_batch *broken = batch_of(subject);
    fixture_put(broken, GROUP, 2, 2, SIZE);
    allocation_fail_at(1);
    storage_batch_put_state(broken, GROUP, STORAGE_STATE_HARD, slice_of_string("x"));
    assert_true(allocation_failed());
    assert_int_equal(fixture_commit(subject->storage, subject->completions, broken), STATUS_NO_MEMORY);
    struct storage_batch *after = batch_of(subject);
    fixture_put(after, GROUP, 3, 3, SIZE);
    assert_int_equal(fixture_commit(subject->storage, subject->completions, after), STATUS_NO_MEMORY);
    assert_bounds(subject, GROUP, 1, 1);
    assert_state(subject, GROUP, STORAGE_STATE_HARD, NULL);
    assert_int_equal(subject->storage->operations->writable(subject->storage), STATUS_IO);
}

static void test_a_batch_grows(void **state) {
    struct subject *subject = *state;
    enum { MANY = 5000 };
    put(subject, GROUP, 1, MANY);
    assert_int_equal(read_many(subject, 1, MANY, SIZE_MAX, STATUS_OK), MANY);
}

static void test_reads_say_when_memory_is_short(void **state) {
    struct subject *subject = *state;
    put(subject, GROUP, 1, 40);
    for (uint64_t nth = 1;; nth++) {
        struct storage_entries entries = {0};
        allocation_fail_at(nth);
        enum status status =
            subject->storage->operations->read_entries(subject->storage, GROUP, 1, 40, SIZE_MAX, &entries);
        if (!allocation_failed()) {
            assert_int_equal(status, STATUS_OK);
            storage_entries_finish(&entries);
            return;
        }
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_null(entries.entries);
    }
}

#define BOTH(function)                                                                                       \
    {"memory: " #function, function, setup_memory, teardown, NULL}, {                                        \
        "rocksdb: " #function, function, setup_rocksdb, teardown, NULL                                       \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(test_empty_has_nothing),
        BOTH(test_entries_come_back_as_they_went),
        BOTH(test_ranges_are_bounded_in_index_and_bytes),
        BOTH(test_a_gap_is_corrupt),
        BOTH(test_ranges_are_removed_whole),
        BOTH(test_truncation_and_append_are_one),
        BOTH(test_operations_take_effect_in_order),
        BOTH(test_states_are_kept_apart),
        BOTH(test_groups_are_listed_in_order),
        BOTH(test_a_removed_group_is_gone),
        BOTH(test_damaged_entries_are_refused),
        BOTH(test_completions_come_in_order),
        BOTH(test_a_batch_without_memory_stops_all_after_it),
        BOTH(test_verifying),
        BOTH(test_verifying_finds_damage),
        BOTH(test_a_batch_grows),
        BOTH(test_reads_say_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
