/* The tail: dense, finds by index, gives up the oldest only where that is allowed, and owns what it holds. */
#include "allocation.h"
#include "replica/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ENTRY_SIZE = 10 };

static enum status append(struct tail *tail, uint64_t index, uint64_t term) {
    struct raft_entry entry = {.index = index, .term = term, .blob = blob_create(ENTRY_SIZE)};
    assert_non_null(entry.blob);
    enum status status = tail_append(tail, &entry);
    if (status != STATUS_OK) {
        blob_release(entry.blob);
    }
    return status;
}

static void append_all(struct tail *tail, uint64_t first, uint64_t last, uint64_t term) {
    for (uint64_t index = first; index <= last; index++) {
        assert_int_equal(append(tail, index, term), STATUS_OK);
    }
}

/* Holds exactly `first` to `last`; none where first > last. */
static void expect_range(const struct tail *tail, uint64_t first, uint64_t last) {
    assert_int_equal(tail->count, first > last ? 0 : last - first + 1);
    assert_int_equal(tail->bytes, tail->count * ENTRY_SIZE);
    assert_null(tail_find(tail, first - 1));
    assert_null(tail_find(tail, last + 1));
    for (uint64_t index = first; index <= last; index++) {
        const struct raft_entry *entry = tail_find(tail, index);
        assert_non_null(entry);
        assert_int_equal(entry->index, index);
    }
}

static void test_finds_what_was_appended(void **state) {
    (void)state;
    struct tail tail = {0};
    assert_null(tail_find(&tail, 1));
    append_all(&tail, 100, 399, 1);
    expect_range(&tail, 100, 399);
    assert_null(tail_find(&tail, 0));
    assert_null(tail_find(&tail, UINT64_MAX));
    tail_finish(&tail);
    tail_finish(&tail);
}

static void test_truncates_and_goes_on(void **state) {
    (void)state;
    struct tail tail = {0};
    append_all(&tail, 1, 50, 1);
    tail_truncate(&tail, 51);
    expect_range(&tail, 1, 50);
    tail_truncate(&tail, 31);
    expect_range(&tail, 1, 30);
    append_all(&tail, 31, 40, 2);
    expect_range(&tail, 1, 40);
    assert_int_equal(tail_find(&tail, 30)->term, 1);
    assert_int_equal(tail_find(&tail, 31)->term, 2);
    tail_truncate(&tail, 1);
    expect_range(&tail, 1, 0);
    append_all(&tail, 7, 9, 3); /* after a snapshot another index begins */
    expect_range(&tail, 7, 9);
    tail_clear(&tail);
    expect_range(&tail, 7, 6);
    tail_finish(&tail);
}

static void test_evicts_only_what_it_may(void **state) {
    (void)state;
    struct tail tail = {0};
    append_all(&tail, 1, 100, 1);
    tail_evict(&tail, 1000, 100); /* fits */
    expect_range(&tail, 1, 100);
    tail_evict(&tail, 500, 20); /* no further than 20 */
    expect_range(&tail, 21, 100);
    tail_evict(&tail, 500, 100);
    expect_range(&tail, 51, 100);
    tail_evict(&tail, 495, 100);
    expect_range(&tail, 52, 100);
    tail_evict(&tail, 0, UINT64_MAX);
    expect_range(&tail, 101, 100);
    tail_finish(&tail);
}

/* Against the simplest thing that could be right: a range of indexes. */
static void test_random_changes(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 3);
    struct tail tail = {0};
    uint64_t first = 1;
    uint64_t last = 0;
    for (int round = 0; round < 3000; round++) {
        uint64_t what = prng_below(&prng, 10);
        if (what < 6) {
            uint64_t more = prng_below(&prng, 20);
            append_all(&tail, last + 1, last + more, 1);
            last += more;
        } else if (what < 8 && first <= last) {
            uint64_t from = first + prng_below(&prng, last - first + 2);
            tail_truncate(&tail, from);
            last = from - 1;
        } else {
            size_t entries = (size_t)prng_below(&prng, 60);
            uint64_t allowed = first + prng_below(&prng, 40);
            tail_evict(&tail, entries * ENTRY_SIZE, allowed);
            while (first <= last && last - first + 1 > entries && first <= allowed) {
                first++;
            }
        }
        if (first > last) {
            tail_clear(&tail);
        }
        expect_range(&tail, first, last);
    }
    tail_finish(&tail);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    struct tail tail = {0};
    append_all(&tail, 1, 64, 1); /* as many as it first has room for */
    struct raft_entry entry = {.index = 65, .term = 1, .blob = blob_create(ENTRY_SIZE)};
    allocation_fail_at(1);
    enum status status = tail_append(&tail, &entry);
    assert_true(allocation_failed());
    assert_int_equal(status, STATUS_NO_MEMORY);
    expect_range(&tail, 1, 64);
    assert_int_equal(tail_append(&tail, &entry), STATUS_OK);
    expect_range(&tail, 1, 65);
    tail_finish(&tail);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_was_appended), cmocka_unit_test(test_truncates_and_goes_on),
        cmocka_unit_test(test_evicts_only_what_it_may), cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
