/* Waiters: every proposal comes out exactly once, in the order of the log, and acks=1 may overtake. */
#include "allocation.h"
#include "replica/waiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct waiter make(uint64_t context, uint64_t index, enum node_acks acks) {
    return (struct waiter){.acks = acks, .answer = {.context = context, .index = index}};
}

static void add(struct waiters *waiters, uint64_t context, uint64_t index, enum node_acks acks) {
    struct waiter waiter = make(context, index, acks);
    assert_int_equal(waiters_reserve(waiters), STATUS_OK);
    waiters_add(waiters, &waiter);
}

static void repeat(struct waiters *waiters, uint64_t context, uint64_t index, enum node_acks acks) {
    struct waiter waiter = make(context, index, acks);
    assert_int_equal(waiters_reserve(waiters), STATUS_OK);
    waiters_add_repeat(waiters, &waiter);
}

/* The context of the next one up to `index`; 0: none. */
static uint64_t take(struct waiters *waiters, uint64_t index) {
    struct waiter waiter;
    return waiters_take(waiters, index, &waiter) ? waiter.answer.context : 0;
}

static uint64_t take_persisted(struct waiters *waiters, uint64_t index) {
    struct waiter waiter;
    return waiters_take_persisted(waiters, index, &waiter) ? waiter.answer.context : 0;
}

static void test_come_out_in_order(void **state) {
    (void)state;
    struct waiters waiters = {0};
    assert_int_equal(take(&waiters, UINT64_MAX), 0);
    for (uint64_t i = 1; i <= 300; i++) {
        add(&waiters, i, 10 * i, NODE_ACKS_ALL);
    }
    assert_int_equal(waiters_count(&waiters), 300);
    assert_int_equal(take(&waiters, 9), 0);
    assert_int_equal(take(&waiters, 10), 1);
    assert_int_equal(take(&waiters, 10), 0);
    for (uint64_t i = 2; i <= 300; i++) {
        assert_int_equal(take(&waiters, 3000), i);
    }
    assert_int_equal(take(&waiters, UINT64_MAX), 0);
    assert_int_equal(waiters_count(&waiters), 0);
    waiters_finish(&waiters);
}

static void test_repeats_wait_for_the_first(void **state) {
    (void)state;
    struct waiters waiters = {0};
    add(&waiters, 1, 5, NODE_ACKS_ALL);
    add(&waiters, 2, 6, NODE_ACKS_ALL);
    repeat(&waiters, 3, 5, NODE_ACKS_ALL);
    repeat(&waiters, 4, 6, NODE_ACKS_ALL);
    repeat(&waiters, 5, 5, NODE_ACKS_ALL);
    assert_int_equal(waiters_count(&waiters), 5);
    assert_int_equal(take(&waiters, 5), 1);
    uint64_t repeats = take(&waiters, 5) + take(&waiters, 5); /* 3 and 5, in either order */
    assert_int_equal(repeats, 8);
    assert_int_equal(take(&waiters, 5), 0);
    assert_int_equal(take(&waiters, 6), 2);
    assert_int_equal(take(&waiters, 6), 4);
    assert_int_equal(waiters_count(&waiters), 0);
    waiters_finish(&waiters);
}

static void test_acks_1_overtakes(void **state) {
    (void)state;
    struct waiters waiters = {0};
    add(&waiters, 1, 1, NODE_ACKS_ALL);
    add(&waiters, 2, 2, NODE_ACKS_LEADER);
    add(&waiters, 3, 3, NODE_ACKS_ALL);
    add(&waiters, 4, 4, NODE_ACKS_LEADER);
    repeat(&waiters, 5, 4, NODE_ACKS_LEADER);
    repeat(&waiters, 6, 2, NODE_ACKS_ALL);
    assert_int_equal(take_persisted(&waiters, 1), 0);
    assert_int_equal(take_persisted(&waiters, 3), 2);
    assert_int_equal(take_persisted(&waiters, 3), 0);
    assert_int_equal(take_persisted(&waiters, 4), 4);
    assert_int_equal(take_persisted(&waiters, 4), 5);
    assert_int_equal(take_persisted(&waiters, UINT64_MAX), 0);
    assert_int_equal(waiters_count(&waiters), 3);
    assert_int_equal(take(&waiters, 9), 1);
    assert_int_equal(take(&waiters, 9), 3);
    assert_int_equal(take(&waiters, 9), 6);
    assert_int_equal(take(&waiters, 9), 0);
    waiters_finish(&waiters);
}

enum { MODEL_MAX = 4096 };

/* What should be there: a plain list. */
struct model {
    struct waiter waiters[MODEL_MAX];
    size_t count;
};

static void model_remove(struct model *model, uint64_t context, uint64_t index, bool persisted) {
    for (size_t i = 0; i < model->count; i++) {
        if (model->waiters[i].answer.context == context) {
            assert_true(model->waiters[i].answer.index <= index);
            assert_true(!persisted || model->waiters[i].acks == NODE_ACKS_LEADER);
            model->waiters[i] = model->waiters[--model->count];
            return;
        }
    }
    fail_msg("%lu came out that is not there", (unsigned long)context);
}

static size_t model_due(const struct model *model, uint64_t index, bool persisted) {
    size_t due = 0;
    for (size_t i = 0; i < model->count; i++) {
        due += model->waiters[i].answer.index <= index &&
               (!persisted || model->waiters[i].acks == NODE_ACKS_LEADER);
    }
    return due;
}

static void take_all_due(struct waiters *waiters, struct model *model, uint64_t index, bool persisted) {
    for (size_t due = model_due(model, index, persisted); due > 0; due--) {
        uint64_t context = persisted ? take_persisted(waiters, index) : take(waiters, index);
        model_remove(model, context, index, persisted);
    }
    assert_int_equal(persisted ? take_persisted(waiters, index) : take(waiters, index), 0);
}

static void test_random_changes(void **state) {
    (void)state;
    static struct model model;
    struct prng prng;
    prng_init(&prng, 7);
    struct waiters waiters = {0};
    uint64_t index = 0;
    uint64_t settled = 0;
    for (uint64_t context = 1; context < 20000; context++) {
        enum node_acks acks = prng_chance(&prng, 1, 3) ? NODE_ACKS_LEADER : NODE_ACKS_ALL;
        uint64_t at = index > settled && prng_chance(&prng, 1, 5)
                          ? settled + 1 + prng_below(&prng, index - settled)
                          : 0;
        if (at > 0) {
            repeat(&waiters, context, at, acks);
        } else {
            at = ++index;
            add(&waiters, context, at, acks);
        }
        model.waiters[model.count++] = make(context, at, acks);
        if (prng_chance(&prng, 1, 10)) {
            take_all_due(&waiters, &model, settled + prng_below(&prng, index - settled + 1), true);
        }
        if (prng_chance(&prng, 1, 20) || model.count == MODEL_MAX) {
            settled += prng_below(&prng, index - settled + 1);
            settled = model.count == MODEL_MAX ? index : settled;
            take_all_due(&waiters, &model, settled, false);
        }
        assert_int_equal(waiters_count(&waiters), model.count);
    }
    take_all_due(&waiters, &model, UINT64_MAX, false);
    assert_int_equal(waiters_count(&waiters), 0);
    waiters_finish(&waiters);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    struct waiters waiters = {0};
    uint64_t nth = 0;
    enum status status;
    do {
        allocation_fail_at(++nth);
        status = waiters_reserve(&waiters);
    } while (allocation_failed());
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(nth, 3); /* one array each for firsts and repeats */
    waiters_finish(&waiters);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_come_out_in_order), cmocka_unit_test(test_repeats_wait_for_the_first),
        cmocka_unit_test(test_acks_1_overtakes),  cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
