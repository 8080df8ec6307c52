/*
 * The faults of the storage in memory: power loss, a wiped disk, short memory; and its image against a model.
 */
#include "allocation.h"
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { GROUP = 7, SIZE = 20, ALL = 1 << 30 };

struct subject {
    struct storage *storage;
    struct fixture_completions *completions;
};

static int setup(void **state) {
    struct subject *subject = calloc(1, sizeof *subject);
    assert_non_null(subject);
    subject->storage = storage_memory_create();
    assert_non_null(subject->storage);
    subject->completions = fixture_completions_create();
    *state = subject;
    return 0;
}

static int teardown(void **state) {
    struct subject *subject = *state;
    fixture_close(subject->storage);
    fixture_completions_destroy(subject->completions);
    free(subject);
    return 0;
}

static void submit(struct subject *subject, uint64_t index, const char *hard) {
    struct storage_batch *batch = fixture_batch(subject->completions);
    fixture_put(batch, GROUP, index, index, SIZE);
    storage_batch_put_state(batch, GROUP, STORAGE_STATE_HARD, slice_of_string(hard));
    storage_submit(subject->storage, batch);
}

static uint64_t last_index(struct subject *subject) {
    uint64_t first = 0;
    uint64_t last = 0;
    enum status status = subject->storage->operations->log_bounds(subject->storage, GROUP, &first, &last);
    return status == STATUS_OK ? last : 0;
}

static void assert_hard(struct subject *subject, const char *text) {
    struct blob *blob = NULL;
    enum status status =
        subject->storage->operations->read_state(subject->storage, GROUP, STORAGE_STATE_HARD, &blob);
    assert_int_equal(status, text ? STATUS_OK : STATUS_NOT_FOUND);
    if (text) {
        assert_true(slice_equal(blob_slice(blob), slice_of_string(text)));
    }
    blob_release(blob);
}

static void test_pending_is_seen_or_not(void **state) {
    struct subject *subject = *state;
    submit(subject, 1, "a");
    submit(subject, 2, "b");
    assert_int_equal(last_index(subject), 2);
    storage_memory_set_pending_visible(subject->storage, false);
    assert_int_equal(last_index(subject), 0);
    assert_hard(subject, NULL);
    storage_memory_sync(subject->storage, 1);
    assert_int_equal(last_index(subject), 1);
    assert_hard(subject, "a");
    assert_int_equal(subject->completions->count, 1);
    assert_int_equal(storage_memory_pending(subject->storage), 1);
}

static void test_a_crash_keeps_a_prefix(void **state) {
    struct subject *subject = *state;
    submit(subject, 1, "a");
    storage_memory_sync(subject->storage, ALL);
    submit(subject, 2, "b");
    submit(subject, 3, "c");
    submit(subject, 4, "d");
    storage_memory_crash(subject->storage, 2);
    assert_int_equal(last_index(subject), 3);
    assert_hard(subject, "c");
    assert_int_equal(storage_memory_pending(subject->storage), 0);
    /* Nobody heard of those that survived, nor of those that did not. */
    assert_int_equal(subject->completions->count, 1);
    submit(subject, 4, "e");
    storage_memory_crash(subject->storage, 0);
    assert_int_equal(last_index(subject), 3);
    submit(subject, 4, "f");
    storage_memory_sync(subject->storage, ALL);
    assert_int_equal(last_index(subject), 4);
    assert_hard(subject, "f");
}

static void test_a_crash_undoes_removals(void **state) {
    struct subject *subject = *state;
    for (uint64_t index = 1; index <= 10; index++) {
        submit(subject, index, "a");
    }
    storage_memory_sync(subject->storage, ALL);
    struct storage_batch *batch = fixture_batch(subject->completions);
    storage_batch_remove_group(batch, GROUP);
    storage_submit(subject->storage, batch);
    assert_int_equal(last_index(subject), 0);
    storage_memory_crash(subject->storage, 0);
    assert_int_equal(last_index(subject), 10);
    assert_hard(subject, "a");
}

static void test_a_wiped_disk_is_empty_and_works(void **state) {
    struct subject *subject = *state;
    submit(subject, 1, "a");
    storage_memory_sync(subject->storage, ALL);
    submit(subject, 2, "b");
    storage_memory_wipe(subject->storage);
    assert_int_equal(last_index(subject), 0);
    assert_hard(subject, NULL);
    submit(subject, 1, "c");
    storage_memory_sync(subject->storage, ALL);
    assert_hard(subject, "c");
}

static void test_writable_is_the_callers_choice(void **state) {
    struct subject *subject = *state;
    storage_memory_set_writable(subject->storage, STATUS_NO_SPACE);
    assert_int_equal(subject->storage->operations->writable(subject->storage), STATUS_NO_SPACE);
    storage_memory_set_writable(subject->storage, STATUS_OK);
    assert_int_equal(subject->storage->operations->writable(subject->storage), STATUS_OK);
}

/* One attempt with the nth allocation failing, on a fresh storage; true where none failed any more. */
static bool try_with_failure(uint64_t nth, bool at_sync) {
    struct subject subject = {.storage = storage_memory_create(),
                              .completions = fixture_completions_create()};
    assert_non_null(subject.storage);
    submit(&subject, 1, "a");
    storage_memory_sync(subject.storage, ALL);
    struct storage_batch *batch = fixture_batch(subject.completions);
    fixture_put(batch, GROUP, 2, 60, SIZE);
    fixture_put(batch, GROUP + 1, 1, 60, SIZE);
    allocation_fail_at(at_sync ? 0 : nth);
    storage_submit(subject.storage, batch);
    if (at_sync) {
        allocation_fail_at(nth);
    }
    storage_memory_sync(subject.storage, ALL);
    bool failed = allocation_failed();
    assert_int_equal(subject.completions->statuses[1], failed ? STATUS_NO_MEMORY : STATUS_OK);
    assert_int_equal(last_index(&subject), failed ? 1 : 60);
    storage_memory_crash(subject.storage, 0);
    assert_int_equal(last_index(&subject), failed ? 1 : 60);
    fixture_close(subject.storage);
    fixture_completions_destroy(subject.completions);
    return !failed;
}

static void test_short_memory_writes_a_batch_whole_or_not(void **state) {
    (void)state;
    uint64_t nth = 1;
    while (!try_with_failure(nth, false)) {
        nth++;
    }
    assert_true(nth > 1);
    nth = 1;
    while (!try_with_failure(nth, true)) {
        nth++;
    }
    assert_true(nth > 1);
}

enum { MODEL_INDEXES = 40, MODEL_ROUNDS = 20000 };

/* Index i is in the log where present[i]. */
struct model {
    bool present[MODEL_INDEXES];
};

static void model_remove(struct model *model, uint64_t first, uint64_t last) {
    for (uint64_t i = first; i <= last && i < MODEL_INDEXES; i++) {
        model->present[i] = false;
    }
}

static void assert_model(struct subject *subject, const struct model *model) {
    uint64_t first = 0;
    uint64_t last = 0;
    for (uint64_t i = 0; i < MODEL_INDEXES; i++) {
        struct blob *blob = NULL;
        enum status status = subject->storage->operations->read_entry(subject->storage, GROUP, i, &blob);
        assert_int_equal(status, model->present[i] ? STATUS_OK : STATUS_NOT_FOUND);
        blob_release(blob);
        if (model->present[i]) {
            first = first == 0 ? i : first;
            last = i;
        }
    }
    uint64_t got_first = 0;
    uint64_t got_last = 0;
    enum status status =
        subject->storage->operations->log_bounds(subject->storage, GROUP, &got_first, &got_last);
    assert_int_equal(status, last > 0 ? STATUS_OK : STATUS_NOT_FOUND);
    assert_int_equal(got_first, first);
    assert_int_equal(got_last, last);
}

static void random_operation(struct prng *prng, struct storage_batch *batch, struct model *model) {
    uint64_t first = prng_between(prng, 1, MODEL_INDEXES - 1);
    uint64_t last = prng_between(prng, first, MODEL_INDEXES - 1);
    if (prng_chance(prng, 2, 3)) {
        fixture_put(batch, GROUP, first, first, SIZE);
        model->present[first] = true;
    } else {
        storage_batch_remove_entries(batch, GROUP, first, last);
        model_remove(model, first, last);
    }
}

static void test_random_batches_syncs_and_crashes_match_a_model(void **state) {
    struct subject *subject = *state;
    struct prng prng;
    prng_init(&prng, 2026);
    struct model durable = {0};
    struct model pending[4]; /* after each pending batch */
    size_t count = 0;
    for (size_t round = 0; round < MODEL_ROUNDS; round++) {
        if (count < 4 && prng_chance(&prng, 2, 3)) {
            struct model next = count > 0 ? pending[count - 1] : durable;
            struct storage_batch *batch = storage_batch_create(fixture_done, subject->completions, round);
            for (uint64_t n = prng_between(&prng, 1, 4); n > 0; n--) {
                random_operation(&prng, batch, &next);
            }
            storage_submit(subject->storage, batch);
            pending[count++] = next;
        } else {
            size_t kept = (size_t)prng_between(&prng, 0, count);
            bool crash = prng_chance(&prng, 1, 5);
            durable = kept > 0 ? pending[kept - 1] : durable;
            if (crash) {
                storage_memory_crash(subject->storage, kept);
                count = 0;
            } else {
                storage_memory_sync(subject->storage, kept);
                memmove(pending, pending + kept, (count - kept) * sizeof *pending);
                count -= kept;
            }
        }
        assert_model(subject, count > 0 ? &pending[count - 1] : &durable);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pending_is_seen_or_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_crash_keeps_a_prefix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_crash_undoes_removals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_wiped_disk_is_empty_and_works, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writable_is_the_callers_choice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_batches_syncs_and_crashes_match_a_model, setup, teardown),
        cmocka_unit_test(test_short_memory_writes_a_batch_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
