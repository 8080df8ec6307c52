/* What is asked of a turn: answered in time or given up, and freed once, by whoever is last. */
#include "allocation.h"
#include "broker/pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 2000, LONG_MS = 20000 };

static void test_an_answer_is_there_at_once(void **state) {
    (void)state;
    struct broker_pending *pending = pending_create();
    assert_non_null(pending);
    pending->answer.base_offset = 5;
    pending_finish(pending);
    assert_true(pending_wait(pending, 0));
    assert_int_equal(pending->answer.base_offset, 5);
    pending_release(pending);
}

static void test_the_asker_gives_up(void **state) {
    (void)state;
    struct broker_pending *pending = pending_create();
    assert_non_null(pending);
    uint64_t begun_ms = clock_monotonic_ms();
    assert_false(pending_wait(pending, begun_ms + 30));
    assert_true(clock_monotonic_ms() >= begun_ms + 30);
    pending->collected = malloc(10); /* goes with it, whoever is last */
    pending_release(pending);
    pending_finish(pending); /* the turn, too late */
}

struct question {
    struct broker_pending *pending;
    uint64_t number;
};

static void answer_it(void *argument) {
    struct question *question = argument;
    if (question->number % 3 == 0) {
        usleep(100);
    }
    question->pending->answer.index = question->number;
    question->pending->found = true;
    pending_finish(question->pending);
}

static void test_threads_meet(void **state) {
    (void)state;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct question question = {.pending = pending_create(), .number = i};
        struct thread thread;
        assert_non_null(question.pending);
        assert_int_equal(thread_start(&thread, "shard", answer_it, &question, NULL), STATUS_OK);
        bool waits = i % 4 != 0;
        if (pending_wait(question.pending, waits ? clock_monotonic_ms() + LONG_MS : 0)) {
            assert_int_equal(question.pending->answer.index, i);
            assert_true(question.pending->found);
        } else {
            assert_false(waits);
        }
        pending_release(question.pending);
        thread_join(&thread);
    }
}

static void test_memory_runs_out(void **state) {
    (void)state;
    allocation_fail_at(1);
    assert_null(pending_create());
    assert_true(allocation_failed());
    pending_release(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_is_there_at_once),
        cmocka_unit_test(test_the_asker_gives_up),
        cmocka_unit_test(test_threads_meet),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
