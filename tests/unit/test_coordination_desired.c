/* The map of desired nodes: what is ready, taken, delayed and settled, and that the latest wins. */
#include "coordination/desired.h"
#include "coordination/task.h"

#include "aviary/base/prng.h"

#include "allocation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES_MAX = 8 };

static struct desired_map map;

static int setup(void **state) {
    (void)state;
    assert_int_equal(desired_map_init(&map, ENTRIES_MAX), STATUS_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    desired_map_finish(&map);
    return 0;
}

static struct desired *entry_of(const char *path, const char *data) {
    struct desired *entry = desired_create(path, DESIRED_TOPIC, blob_copy(slice_of_string(data)), NULL);
    assert_non_null(entry);
    return entry;
}

static void put(const char *path, const char *data) {
    assert_int_equal(desired_put(&map, entry_of(path, data)), STATUS_OK);
}

static void check_data(const struct desired *entry, const char *data) {
    assert_true(slice_equal(blob_slice(entry->data), slice_of_string(data)));
}

static void test_entries_are_taken_in_order(void **state) {
    (void)state;
    put("/a", "1");
    put("/b", "2");
    struct desired *a = desired_take(&map);
    struct desired *b = desired_take(&map);
    assert_string_equal(a->path, "/a");
    assert_string_equal(b->path, "/b");
    check_data(b, "2");
    assert_null(desired_take(&map));
    assert_ptr_equal(desired_find(&map, "/a"), a);
    assert_null(desired_find(&map, "/c"));
    assert_true(desired_settle(&map, a));
    assert_true(desired_again(&map, b));
    assert_int_equal(map.settled_count, 1);
    assert_ptr_equal(desired_take(&map), b);
    assert_true(desired_settle(&map, b));
}

static void test_latest_wins(void **state) {
    (void)state;
    put("/a", "1");
    put("/a", "2");
    assert_int_equal(map.count, 1);
    struct desired *a = desired_take(&map);
    check_data(a, "2");

    /* Changed while it was taken: looked at once more, whatever came out. */
    put("/a", "3");
    assert_true(a->changed);
    assert_true(desired_settle(&map, a));
    assert_int_equal(map.settled_count, 0);
    assert_ptr_equal(desired_take(&map), a);
    check_data(a, "3");
    assert_false(a->changed);
    assert_true(desired_settle(&map, a));

    /* The same again: nothing to do. */
    put("/a", "3");
    assert_null(desired_take(&map));
    put("/a", "4");
    assert_ptr_equal(desired_take(&map), a);
    assert_true(desired_settle(&map, a));
}

static void test_kind_and_partition_count_are_part_of_what_is_desired(void **state) {
    (void)state;
    put("/a", "1");
    assert_true(desired_settle(&map, desired_take(&map)));
    struct desired *more = entry_of("/a", "1");
    more->partition_count = 3;
    assert_int_equal(desired_put(&map, more), STATUS_OK);
    struct desired *a = desired_take(&map);
    assert_int_equal(a->partition_count, 3);
    assert_true(desired_settle(&map, a));
    assert_int_equal(desired_put(&map, desired_create("/a", DESIRED_ABSENT, NULL, NULL)), STATUS_OK);
    assert_ptr_equal(desired_take(&map), a);
    assert_int_equal(a->kind, DESIRED_ABSENT);
    assert_null(a->data);
    assert_true(desired_settle(&map, a));
}

static void test_failures_wait_longer_each_time(void **state) {
    (void)state;
    put("/a", "1");
    uint64_t now_ms = 1000;
    uint64_t last_wait_ms = 0;
    for (int i = 0; i < 20; i++) {
        struct desired *a = desired_take(&map);
        assert_non_null(a);
        assert_true(desired_retry(&map, a, now_ms));
        uint64_t wait_ms = a->due_ms - now_ms;
        assert_true(wait_ms >= last_wait_ms && wait_ms <= COORDINATION_BACKOFF_MAX_MS);
        desired_promote(&map, a->due_ms - 1);
        assert_null(desired_take(&map));
        desired_promote(&map, a->due_ms);
        now_ms = a->due_ms;
        last_wait_ms = wait_ms;
    }
    assert_int_equal(last_wait_ms, COORDINATION_BACKOFF_MAX_MS);
    struct desired *a = desired_take(&map);
    assert_true(desired_settle(&map, a));
    assert_int_equal(a->backoff_ms, 0);
}

static void test_new_data_does_not_wait(void **state) {
    (void)state;
    put("/a", "1");
    assert_true(desired_retry(&map, desired_take(&map), 1000));
    put("/a", "2");
    struct desired *a = desired_take(&map);
    check_data(a, "2");
    assert_true(desired_settle(&map, a));
}

static void test_erased_while_taken(void **state) {
    (void)state;
    put("/a", "1");
    struct desired *old = desired_take(&map);
    desired_erase(&map, old);
    assert_null(desired_find(&map, "/a"));
    assert_int_equal(map.count, 0);
    /* A new one of the same path is another entry. */
    put("/a", "2");
    assert_ptr_not_equal(desired_find(&map, "/a"), old);
    assert_false(desired_settle(&map, old));
    assert_int_equal(map.count, 1);
    check_data(desired_find(&map, "/a"), "2");
}

static void test_review(void **state) {
    (void)state;
    put("/a", "1");
    put("/b", "1");
    put("/c", "1");
    assert_true(desired_settle(&map, desired_take(&map)));
    assert_true(desired_settle(&map, desired_take(&map)));
    assert_true(desired_retry(&map, desired_take(&map), 1000));
    desired_review(&map, 1);
    struct desired *a = desired_take(&map);
    assert_string_equal(a->path, "/a");
    assert_null(desired_take(&map));
    assert_true(desired_settle(&map, a));
    desired_review_all(&map);
    assert_int_equal(map.settled_count, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(desired_settle(&map, desired_take(&map)));
    }
    assert_null(desired_take(&map));
}

static void test_sweep(void **state) {
    (void)state;
    put("/a", "1");
    put("/b", "1");
    struct desired *a = desired_take(&map);
    assert_true(desired_settle(&map, a));
    struct desired *b = desired_take(&map);

    /* In the list anew and unchanged: stays settled. Not in the list: is to be absent, taken or not. */
    struct desired *again = entry_of("/a", "1");
    again->generation = 1;
    assert_int_equal(desired_put(&map, again), STATUS_OK);
    desired_sweep(&map, 1);
    assert_int_equal(a->state, DESIRED_SETTLED);
    assert_int_equal(b->kind, DESIRED_ABSENT);
    assert_true(b->changed);
    assert_null(b->data);
    assert_true(desired_settle(&map, b));
    assert_ptr_equal(desired_take(&map), b);
    assert_true(desired_settle(&map, b));
    desired_sweep(&map, 2);
    assert_ptr_equal(desired_take(&map), a);
    assert_int_equal(a->kind, DESIRED_ABSENT);
    assert_true(desired_settle(&map, a));
    assert_null(desired_take(&map)); /* what is to be absent already stays as it is */
}

static void test_bound(void **state) {
    (void)state;
    char path[16];
    for (int i = 0; i < ENTRIES_MAX; i++) {
        snprintf(path, sizeof path, "/%d", i);
        put(path, "1");
    }
    struct desired *one_more = entry_of("/more", "1");
    assert_int_equal(desired_put(&map, one_more), STATUS_FULL);
    desired_destroy(one_more);
    put("/0", "2"); /* there already */
    desired_clear(&map);
    assert_int_equal(map.count, 0);
    put("/more", "1");
}

static void test_no_memory(void **state) {
    (void)state;
    struct desired_map other;
    allocation_fail_at(1);
    assert_int_equal(desired_map_init(&other, 4), STATUS_NO_MEMORY);
    struct blob *data = NULL;
    assert_true(allocation_failed());
    data = blob_copy(slice_of_string("1"));
    allocation_fail_at(1);
    assert_null(desired_create("/a", DESIRED_TOPIC, data, NULL)); /* and releases the data */
    assert_true(allocation_failed());
}

/* Against a model that knows only the latest data of each path: what is settled is what was put last. */
static void test_random_walk(void **state) {
    (void)state;
    struct prng prng;
    int latest[ENTRIES_MAX] = {0};
    struct desired *taken[ENTRIES_MAX] = {0};
    size_t taken_count = 0;
    prng_init(&prng, 7);
    for (int step = 1; step < 50000; step++) {
        char path[16];
        char data[16];
        size_t which = prng_below(&prng, ENTRIES_MAX);
        snprintf(path, sizeof path, "/%zu", which);
        snprintf(data, sizeof data, "%d", step);
        struct desired *entry;
        switch (prng_below(&prng, 4)) {
        case 0:
            put(path, data);
            latest[which] = step;
            break;
        case 1:
            entry = desired_find(&map, path);
            if (entry) {
                desired_erase(&map, entry);
                latest[which] = 0;
            }
            break;
        case 2:
            entry = taken_count < ENTRIES_MAX ? desired_take(&map) : NULL;
            if (entry) {
                taken[taken_count++] = entry;
            }
            break;
        default:
            if (taken_count > 0) {
                entry = taken[--taken_count];
                bool is_current = !entry->erased && !entry->changed;
                bool is_kept = desired_settle(&map, entry);
                assert_true(is_kept || !is_current);
                if (is_current) {
                    snprintf(data, sizeof data, "%d", latest[strtoul(entry->path + 1, NULL, 10)]);
                    check_data(entry, data);
                }
            }
            break;
        }
        desired_review(&map, 1);
    }
    while (taken_count > 0) {
        (void)desired_settle(&map, taken[--taken_count]);
    }
}

static void test_task(void **state) {
    (void)state;
    struct task task = {0};
    assert_false(task_is_due(&task, 0));
    task_wake(&task);
    assert_true(task_is_due(&task, 0));
    task_begin(&task);
    assert_false(task_is_due(&task, 0));
    task_wake(&task); /* while busy: once more afterwards */
    task_settle(&task);
    assert_true(task_is_due(&task, 0));
    task_begin(&task);
    task_fail(&task, 100);
    assert_false(task_is_due(&task, 100 + COORDINATION_BACKOFF_MIN_MS - 1));
    assert_true(task_is_due(&task, 100 + COORDINATION_BACKOFF_MIN_MS));
    task_begin(&task);
    task_again(&task);
    assert_true(task_is_due(&task, 0));
    task_begin(&task);
    task_fail(&task, 100);
    task_wake(&task); /* news end the wait */
    assert_true(task_is_due(&task, 100));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_entries_are_taken_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_latest_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kind_and_partition_count_are_part_of_what_is_desired, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_failures_wait_longer_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_data_does_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_erased_while_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_review, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_walk, setup, teardown),
        cmocka_unit_test(test_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
