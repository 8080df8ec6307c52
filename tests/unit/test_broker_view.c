/* Views: the recent batches by offset, within their bytes, and views by group, while replicas come and go. */
#include "allocation.h"
#include "broker/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { BATCH_SIZE = 100, RECORDS = 10, KEPT = 50, GROUPS = 100, ROUNDS = 20000 };

/* Batch `number`, from 0: ten records from offset 10 x number on, at index number + 1. */
static void append(struct view *view, int64_t number) {
    struct blob *blob = blob_create(BATCH_SIZE);
    assert_non_null(blob);
    struct raft_entry entry = {.index = (uint64_t)number + 1, .type = RAFT_ENTRY_RECORDS, .blob = blob};
    struct entry_header header = {.index = entry.index, .base_offset = number * RECORDS, .count = RECORDS};
    view_append(view, &entry, &header);
    blob_release(blob);
}

/* Exactly the offsets from `first` up to and without `end` are found, each in its batch. */
static void expect_recent(struct view *view, int64_t first, int64_t end) {
    size_t position;
    mutex_lock(&view->mutex);
    assert_false(view_find_recent(view, first - 1, &position));
    assert_false(view_find_recent(view, end, &position));
    for (int64_t offset = first; offset < end; offset++) {
        assert_true(view_find_recent(view, offset, &position));
        const struct view_batch *batch = view_recent_at(view, position);
        assert_true(batch->base_offset <= offset && offset < batch->base_offset + RECORDS);
        assert_int_equal(batch->index, batch->base_offset / RECORDS + 1);
    }
    mutex_unlock(&view->mutex);
}

static void test_finds_the_batch_of_an_offset(void **state) {
    (void)state;
    struct view *view = view_create(3, KEPT * BATCH_SIZE);
    assert_non_null(view);
    expect_recent(view, 0, 0);
    for (int64_t i = 0; i < 40; i++) {
        append(view, i);
        assert_int_equal(view->status.next_offset, (i + 1) * RECORDS);
        assert_int_equal(view->status.applied_index, i + 1);
    }
    expect_recent(view, 0, 400);
    view_release(view);
    view_release(NULL);
}

static void test_keeps_as_many_bytes_as_it_may(void **state) {
    (void)state;
    struct view *view = view_create(3, KEPT * BATCH_SIZE);
    assert_non_null(view);
    for (int64_t i = 0; i < 500; i++) {
        append(view, i);
        assert_true(view->recent_bytes <= KEPT * BATCH_SIZE);
    }
    expect_recent(view, 4500, 5000);
    view_release(view);
    view = view_create(3, 1); /* one batch at least, however large */
    assert_non_null(view);
    append(view, 0);
    append(view, 1);
    expect_recent(view, 10, 20);
    view_release(view);
}

static void test_forgets_what_is_before_the_log_start(void **state) {
    (void)state;
    struct view *view = view_create(3, KEPT * BATCH_SIZE);
    assert_non_null(view);
    for (int64_t i = 0; i < 20; i++) {
        append(view, i);
    }
    struct node_status status = {.group = 3, .next_offset = 200, .log_start_offset = 55};
    view_set_status(view, &status);
    expect_recent(view, 50, 200); /* the batch that holds 55 stays whole */
    status.log_start_offset = 200;
    view_set_status(view, &status);
    expect_recent(view, 200, 200);
    append(view, 20);
    expect_recent(view, 200, 210);
    view_reset(view);
    expect_recent(view, 210, 210);
    append(view, 30); /* a snapshot brought it further */
    expect_recent(view, 300, 310);
    view_release(view);
}

static void test_hints_are_few(void **state) {
    (void)state;
    struct view *view = view_create(3, KEPT * BATCH_SIZE);
    assert_non_null(view);
    assert_int_equal(view_find_hint(view, 0), 0);
    for (int i = 1; i <= VIEW_HINTS + 1; i++) {
        view_add_hint(view, 10 * i, (uint64_t)i);
    }
    assert_int_equal(view_find_hint(view, 10), 0); /* the oldest made room */
    for (int i = 2; i <= VIEW_HINTS + 1; i++) {
        assert_int_equal(view_find_hint(view, 10 * i), i);
    }
    view_reset(view);
    assert_int_equal(view_find_hint(view, 20), 0);
    view_release(view);
}

/* The recent batches are a cache: without memory for them it is empty, and right. */
static void test_memory_runs_out(void **state) {
    (void)state;
    allocation_fail_at(1);
    assert_null(view_create(3, KEPT * BATCH_SIZE));
    assert_true(allocation_failed());
    struct view *view = view_create(3, 1000 * BATCH_SIZE);
    assert_non_null(view);
    for (int64_t i = 0; i < VIEW_RECENT_MIN; i++) {
        append(view, i);
    }
    struct blob *blob = blob_create(BATCH_SIZE);
    struct raft_entry entry = {.index = VIEW_RECENT_MIN + 1, .blob = blob};
    struct entry_header header = {.base_offset = VIEW_RECENT_MIN * RECORDS, .count = RECORDS};
    allocation_fail_at(1);
    view_append(view, &entry, &header);
    assert_true(allocation_failed());
    blob_release(blob);
    expect_recent(view, VIEW_RECENT_MIN * RECORDS, (VIEW_RECENT_MIN + 1) * RECORDS);
    append(view, VIEW_RECENT_MIN + 1);
    expect_recent(view, VIEW_RECENT_MIN * RECORDS, (VIEW_RECENT_MIN + 2) * RECORDS);
    view_release(view);
}

/* ---- All views ---- */

static void add(struct views *views, uint64_t group) {
    struct view *view = view_create(group, BATCH_SIZE);
    assert_non_null(view);
    assert_true(views_add(views, view));
    view_release(view);
}

static void test_views_by_group(void **state) {
    (void)state;
    struct views views;
    views_init(&views);
    assert_null(views_find(&views, 0));
    for (uint64_t i = 0; i < GROUPS; i++) {
        add(&views, (i * 37) % GROUPS * 2); /* in no order */
    }
    for (uint64_t group = 0; group < 2 * GROUPS; group++) {
        struct view *view = views_find(&views, group);
        assert_int_equal(view != NULL, group % 2 == 0);
        if (view) {
            assert_int_equal(view->group, group);
            assert_int_equal(view->references, 2);
            view_release(view);
        }
    }
    views_remove(&views, 51); /* not there */
    struct view *held = views_find(&views, 50);
    views_remove(&views, 50);
    assert_null(views_find(&views, 50));
    assert_true(held->closed); /* who holds it learns that it is gone */
    view_release(held);
    assert_int_equal(views.count, GROUPS - 1);
    views_finish(&views);
}

static void wait_for_news(void *argument) {
    struct view *view = argument;
    mutex_lock(&view->mutex);
    while (!view->closed) {
        view->waiting++;
        condition_wait(&view->changed, &view->mutex);
        view->waiting--;
    }
    mutex_unlock(&view->mutex);
    view_release(view);
}

static void test_who_waits_is_woken_when_the_replica_goes(void **state) {
    (void)state;
    struct views views;
    struct thread thread;
    views_init(&views);
    add(&views, 1);
    assert_int_equal(thread_start(&thread, "reader", wait_for_news, views_find(&views, 1), NULL), STATUS_OK);
    views_remove(&views, 1);
    thread_join(&thread);
    views_finish(&views);
}

struct readers {
    struct views views;
    atomic_bool stop;
};

static void read_on(void *argument) {
    struct readers *readers = argument;
    while (!atomic_load(&readers->stop)) {
        for (uint64_t group = 0; group < 10; group++) {
            struct view *view = views_find(&readers->views, group);
            if (view) {
                size_t position;
                mutex_lock(&view->mutex);
                if (view_find_recent(view, view->status.next_offset - 1, &position)) {
                    ASSERT(view_recent_at(view, position)->count == RECORDS);
                }
                mutex_unlock(&view->mutex);
                view_release(view);
            }
        }
    }
}

static void test_replicas_come_and_go_under_readers(void **state) {
    (void)state;
    struct readers readers = {.stop = false};
    struct thread threads[2];
    struct prng prng;
    prng_init(&prng, 1);
    views_init(&readers.views);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(thread_start(&threads[i], "reader", read_on, &readers, NULL), STATUS_OK);
    }
    for (int64_t round = 0; round < ROUNDS; round++) {
        uint64_t group = prng_below(&prng, 10);
        struct view *view = views_find(&readers.views, group);
        if (view == NULL) {
            add(&readers.views, group);
        } else if (prng_chance(&prng, 1, 10)) {
            views_remove(&readers.views, group);
        } else {
            append(view, round);
        }
        view_release(view);
    }
    atomic_store(&readers.stop, true);
    for (size_t i = 0; i < 2; i++) {
        thread_join(&threads[i]);
    }
    views_finish(&readers.views);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_batch_of_an_offset),
        cmocka_unit_test(test_keeps_as_many_bytes_as_it_may),
        cmocka_unit_test(test_forgets_what_is_before_the_log_start),
        cmocka_unit_test(test_hints_are_few),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_views_by_group),
        cmocka_unit_test(test_who_waits_is_woken_when_the_replica_goes),
        cmocka_unit_test(test_replicas_come_and_go_under_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
