/*
 * The log's bounds and term runs, against a model that keeps every entry's term.
 */
#include "raft/log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MODEL_MAX = 400, MODEL_ROUNDS = 4000 };

struct model {
    uint64_t terms[MODEL_MAX + 1]; /* by index; kept below base too, where only the log forgets */
    uint64_t base;
    uint64_t last;
};

static struct raft_log empty(void) {
    struct raft_log log;
    assert_int_equal(raft_log_init(&log, &(struct raft_restart){0}), STATUS_OK);
    return log;
}

static uint64_t model_find_term(const struct model *model, uint64_t index, uint64_t term) {
    while (index > model->base && model->terms[index] > term) {
        index--;
    }
    return index == model->base && index > 0 && model->terms[index] > term ? index - 1 : index;
}

static void compare(const struct raft_log *log, const struct model *model) {
    assert_int_equal(log->snapshot_index, model->base);
    assert_int_equal(log->last_index, model->last);
    assert_int_equal(raft_log_last_term(log), model->terms[model->last]);
    for (uint64_t index = 0; index <= model->last + 2; index++) {
        bool known = index >= model->base && index <= model->last;
        assert_int_equal(raft_log_term_at(log, index), known ? model->terms[index] : 0);
    }
    for (size_t i = 1; i < log->run_count; i++) {
        assert_true(log->runs[i - 1].term < log->runs[i].term);
        assert_true(log->runs[i - 1].first_index < log->runs[i].first_index);
    }
}

static void change(struct raft_log *log, struct model *model, struct prng *prng) {
    uint64_t kind = prng_below(prng, 100);
    uint64_t kept = model->last - model->base;
    if (kind < 80 && model->last < MODEL_MAX) {
        uint64_t term = raft_log_last_term(log) + (kind < 10 || model->last == 0 ? 1 : 0);
        model->terms[++model->last] = term;
        assert_int_equal(raft_log_append(log, term), STATUS_OK);
    } else if (kind < 95 && kept > 0) {
        model->last -= 1 + prng_below(prng, kept);
        raft_log_truncate(log, model->last + 1);
    } else if (kept > 0) {
        model->base += 1 + prng_below(prng, kept);
        raft_log_compact(log, model->base);
    }
}

static void test_model(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 61);
    struct raft_log log = empty();
    struct model model = {0};
    for (int i = 0; i < MODEL_ROUNDS; i++) {
        change(&log, &model, &prng);
        compare(&log, &model);
        uint64_t index = model.base + prng_below(&prng, model.last - model.base + 1);
        uint64_t term = prng_below(&prng, raft_log_last_term(&log) + 2);
        assert_int_equal(raft_log_find_term(&log, index, term), model_find_term(&model, index, term));
    }
    raft_log_finish(&log);
}

static void test_up_to_date(void **state) {
    (void)state;
    struct raft_log log = empty();
    assert_true(raft_log_is_up_to_date(&log, 0, 0));
    assert_int_equal(raft_log_append(&log, 2), STATUS_OK);
    assert_int_equal(raft_log_append(&log, 3), STATUS_OK);
    assert_true(raft_log_is_up_to_date(&log, 2, 3));
    assert_true(raft_log_is_up_to_date(&log, 3, 3));
    assert_true(raft_log_is_up_to_date(&log, 1, 4));
    assert_false(raft_log_is_up_to_date(&log, 1, 3));
    assert_false(raft_log_is_up_to_date(&log, 9, 2));
    raft_log_finish(&log);
}

static void test_persisted(void **state) {
    (void)state;
    struct raft_log log = empty();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(raft_log_append(&log, 1), STATUS_OK);
    }
    raft_log_persisted(&log, 3, 1);
    assert_int_equal(log.persisted_index, 3);
    raft_log_persisted(&log, 2, 1); /* late */
    assert_int_equal(log.persisted_index, 3);
    raft_log_persisted(&log, 6, 1); /* beyond the end */
    assert_int_equal(log.persisted_index, 3);
    raft_log_truncate(&log, 3);
    assert_int_equal(log.persisted_index, 2);
    assert_int_equal(raft_log_append(&log, 2), STATUS_OK);
    raft_log_persisted(&log, 3, 1); /* of the entry that is gone */
    assert_int_equal(log.persisted_index, 2);
    raft_log_persisted(&log, 3, 2);
    assert_int_equal(log.persisted_index, 3);
    raft_log_reset(&log, 9, 4);
    assert_int_equal(log.persisted_index, 9);
    assert_int_equal(log.last_index, 9);
    assert_int_equal(raft_log_last_term(&log), 4);
    raft_log_finish(&log);
}

static enum status init(struct raft_restart restart, const struct raft_term_run *runs, size_t count) {
    struct raft_log log;
    restart.runs = runs;
    restart.run_count = count;
    enum status status = raft_log_init(&log, &restart);
    if (status == STATUS_OK) {
        assert_int_equal(log.persisted_index, restart.last_index);
        raft_log_finish(&log);
    }
    return status;
}

static void test_what_a_restart_may_say(void **state) {
    (void)state;
    const struct raft_restart with_snapshot = {.snapshot_index = 5, .snapshot_term = 2, .last_index = 9};
    const struct raft_term_run good[] = {{6, 2}, {8, 4}};
    assert_int_equal(init(with_snapshot, good, 2), STATUS_OK);
    assert_int_equal(init(with_snapshot, good, 1), STATUS_OK);
    assert_int_equal(init(with_snapshot, good, 0), STATUS_INVALID); /* who made 6 to 9? */
    const struct raft_term_run gap[] = {{7, 2}};
    assert_int_equal(init(with_snapshot, gap, 1), STATUS_INVALID);
    const struct raft_term_run older[] = {{6, 1}};
    assert_int_equal(init(with_snapshot, older, 1), STATUS_INVALID);
    const struct raft_term_run same[] = {{6, 2}, {7, 2}};
    assert_int_equal(init(with_snapshot, same, 2), STATUS_INVALID);
    const struct raft_term_run descending[] = {{6, 2}, {6, 3}};
    assert_int_equal(init(with_snapshot, descending, 2), STATUS_INVALID);
    const struct raft_term_run beyond[] = {{6, 2}, {10, 3}};
    assert_int_equal(init(with_snapshot, beyond, 2), STATUS_INVALID);
    const struct raft_term_run no_term[] = {{1, 0}};
    assert_int_equal(init((struct raft_restart){.last_index = 1}, no_term, 1), STATUS_INVALID);
    assert_int_equal(init((struct raft_restart){.snapshot_index = 1, .last_index = 1}, NULL, 0),
                     STATUS_INVALID);
    assert_int_equal(
        init((struct raft_restart){.snapshot_index = 5, .snapshot_term = 1, .last_index = 4}, NULL, 0),
        STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_up_to_date),
        cmocka_unit_test(test_persisted),
        cmocka_unit_test(test_what_a_restart_may_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
