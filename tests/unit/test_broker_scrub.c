/* The scrub of a broker alone: what it reads, what it finds, and that a disk nobody can replace is kept. */
#include "broker_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { BATCHES = 50 };

static bool await_metrics(struct broker *broker, uint64_t passes, uint64_t damages,
                          struct broker_metrics *ret_metrics) {
    for (uint64_t until_ms = soon(); clock_monotonic_ms() < until_ms; usleep(10000)) {
        broker_metrics(broker, ret_metrics);
        if (ret_metrics->scrub_passes_total >= passes && ret_metrics->damages_total >= damages) {
            return true;
        }
    }
    return false;
}

static struct broker *start_scrubbed(struct life *life) {
    life_init(life);
    life->scrub_bytes_per_second = 64 * 1024 * 1024;
    life->scrub_interval_ms = 50;
    struct broker *broker = life_start(life, NULL);
    await_running(broker);
    return broker;
}

static void finish(struct life *life) {
    life_close(life);
    life_finish(life);
}

static void test_what_is_whole_is_passed_over(void **state) {
    (void)state;
    struct life life;
    struct broker *broker = start_scrubbed(&life);
    uint64_t group = make_topic(broker, "t");
    struct broker_metrics metrics;
    for (int64_t i = 0; i < BATCHES; i++) {
        assert_int_equal(produce(broker, group).status, STATUS_OK);
    }
    broker_metrics(broker, &metrics);
    assert_true(await_metrics(broker, metrics.scrub_passes_total + 2, 0, &metrics));
    /* The second of these saw all entries, whose headers alone are that many bytes. */
    assert_true(metrics.scrub_bytes_total > (uint64_t)BATCHES * ENTRY_HEADER_SIZE);
    assert_int_equal(metrics.damages_total, 0);
    assert_false(metrics.damaged);
    finish(&life);
}

/* Writes beside the broker, which is idle: as a disk that changed by itself. */
static void spoil(struct life *life, void (*fault)(struct storage_batch *batch, uint64_t group),
                  uint64_t group) {
    struct fixture_completions *completions = fixture_completions_create();
    struct storage_batch *batch = fixture_batch(completions);
    fault(batch, group);
    assert_int_equal(fixture_commit(life->storage, completions, batch), STATUS_OK);
    fixture_completions_destroy(completions);
}

static void rot_entry(struct storage_batch *batch, uint64_t group) {
    struct blob *blob = fixture_entry(group, 5, 100);
    blob->data[ENTRY_HEADER_SIZE + 50] ^= 1;
    storage_batch_put_entry(batch, group, 5, blob);
    blob_release(blob);
}

static void misplace_entry(struct storage_batch *batch, uint64_t group) {
    struct blob *blob = fixture_entry(group, 6, 100);
    storage_batch_put_entry(batch, group, 5, blob);
    blob_release(blob);
}

static void lose_entry(struct storage_batch *batch, uint64_t group) {
    storage_batch_remove_entries(batch, group, 5, 5);
}

static void lose_last_entries(struct storage_batch *batch, uint64_t group) {
    storage_batch_remove_entries(batch, group, BATCHES - 5, UINT64_MAX);
}

static void check_found(void (*fault)(struct storage_batch *batch, uint64_t group)) {
    struct life life;
    struct broker *broker = start_scrubbed(&life);
    uint64_t group = make_topic(broker, "t");
    struct broker_metrics metrics;
    for (int64_t i = 0; i < BATCHES; i++) {
        assert_int_equal(produce(broker, group).status, STATUS_OK);
    }
    spoil(&life, fault, group);
    assert_true(await_metrics(broker, 0, 1, &metrics));
    assert_true(metrics.damaged);
    /* Nobody else has it: the disk is kept, and what is not damaged is served. */
    assert_null(broker_failure(broker));
    assert_int_equal(produce(broker, make_topic(broker, "other")).status, STATUS_OK);
    finish(&life);
}

static void test_a_rotten_entry_is_found(void **state) {
    (void)state;
    check_found(rot_entry);
}

static void test_a_misplaced_entry_is_found(void **state) {
    (void)state;
    check_found(misplace_entry);
}

static void test_a_missing_entry_is_found(void **state) {
    (void)state;
    check_found(lose_entry);
}

static void test_a_missing_end_is_found(void **state) {
    (void)state;
    check_found(lose_last_entries);
}

int main(void) {
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_whole_is_passed_over), cmocka_unit_test(test_a_rotten_entry_is_found),
        cmocka_unit_test(test_a_misplaced_entry_is_found),   cmocka_unit_test(test_a_missing_entry_is_found),
        cmocka_unit_test(test_a_missing_end_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
