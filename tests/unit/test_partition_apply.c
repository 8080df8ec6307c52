/*
 * The applied state of a partition: offsets, log start and keys, against a model that keeps everything.
 */
#include "allocation.h"
#include "aviary/base/prng.h"
#include "partition_entries.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KEYS_MAX = 20, KEY_NUMBERS = 60, MODEL_ROUNDS = 3000 };

static const struct slice NOTHING = {0};

static struct partition *make(size_t keys_max) {
    struct partition *partition = partition_create(keys_max);
    assert_non_null(partition);
    return partition;
}

static enum status apply(struct partition *partition, struct entry_header header) {
    return partition_apply(partition, &header, NOTHING);
}

static enum status apply_log_start(struct partition *partition, uint64_t index, uint64_t offset) {
    uint8_t payload[8];
    bytes_put_u64le(payload, offset);
    struct entry_header header = entry_of_type(RAFT_ENTRY_LOG_START, index);
    return partition_apply(partition, &header, slice_make(payload, sizeof payload));
}

static void test_offsets_are_counted_by_records_alone(void **state) {
    (void)state;
    struct partition *partition = make(KEYS_MAX);
    assert_int_equal(apply(partition, entry_of_type(RAFT_ENTRY_NOOP, 1)), STATUS_OK);
    assert_int_equal(apply(partition, entry_records(2, 0, 3, 100)), STATUS_OK);
    assert_int_equal(apply(partition, entry_of_type(RAFT_ENTRY_CONFIGURATION, 3)), STATUS_OK);
    assert_int_equal(apply(partition, entry_records(4, 3, 1, 100)), STATUS_OK);
    assert_int_equal(partition_applied_index(partition), 4);
    assert_int_equal(partition_next_offset(partition), 4);
    assert_int_equal(partition_pending_next_offset(partition), 4);
    assert_int_equal(partition_last_append_time_ms(partition), 100);
    assert_int_equal(partition_log_start_offset(partition), 0);
    partition_destroy(partition);
}

static void test_entries_that_cannot_be_right_are_refused(void **state) {
    (void)state;
    struct partition *partition = make(KEYS_MAX);
    assert_int_equal(apply(partition, entry_records(1, 0, 5, 100)), STATUS_OK);
    uint32_t before = partition_digest(partition);
    const struct entry_header wrong[] = {
        entry_records(2, 4, 1, 100),               /* overlaps */
        entry_records(2, 6, 1, 100),               /* leaves a gap */
        entry_records(2, 5, 0, 100),               /* holds nothing */
        entry_records(2, 5, 1, 99),                /* time runs backwards */
        entry_of_type(RAFT_ENTRY_COMMAND, 2),      /* belongs to group 0 */
        entry_of_type(RAFT_ENTRY_LOG_START, 2),    /* without its offset */
        entry_of_type((enum raft_entry_type)9, 2), /* unknown */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(apply(partition, wrong[i]), STATUS_CORRUPT);
        assert_int_equal(partition_digest(partition), before);
    }
    assert_int_equal(apply(partition, entry_records(2, 5, 1, 100)), STATUS_OK);
    partition_destroy(partition);
}

static void test_log_start_moves_forward_within_what_is_there(void **state) {
    (void)state;
    struct partition *partition = make(KEYS_MAX);
    assert_int_equal(apply(partition, entry_records(1, 0, 10, 0)), STATUS_OK);
    assert_int_equal(apply_log_start(partition, 2, 4), STATUS_OK);
    assert_int_equal(partition_log_start_offset(partition), 4);
    static const uint64_t passed_over[] = {3, 4, 11, UINT64_MAX, 1ULL << 63};
    uint64_t index = 3;
    for (size_t i = 0; i < sizeof passed_over / sizeof passed_over[0]; i++, index++) {
        assert_int_equal(apply_log_start(partition, index, passed_over[i]), STATUS_OK);
        assert_int_equal(partition_log_start_offset(partition), 4);
    }
    assert_int_equal(apply_log_start(partition, index, 10), STATUS_OK);
    assert_int_equal(partition_log_start_offset(partition), 10);
    assert_int_equal(partition_applied_index(partition), index);
    partition_destroy(partition);
}

static void test_a_repeated_key_gets_the_first_answer(void **state) {
    (void)state;
    struct partition *partition = make(KEYS_MAX);
    assert_int_equal(apply(partition, entry_records(1, 0, 2, 50)), STATUS_OK);
    assert_int_equal(apply(partition, entry_keyed(entry_records(2, 2, 3, 60), 1, 10)), STATUS_OK);
    struct partition_answer answer = {0};
    assert_int_equal(find_key(partition, 1, 10, &answer), PARTITION_KEY_DUPLICATE);
    assert_int_equal(answer.index, 2);
    assert_int_equal(answer.base_offset, 2);
    assert_int_equal(answer.count, 3);
    assert_int_equal(answer.append_time_ms, 60);
    assert_int_equal(find_key(partition, 1, 11, &answer), PARTITION_KEY_MISMATCH);
    assert_int_equal(find_key(partition, 2, 10, &answer), PARTITION_KEY_NEW);

    /* Appended twice all the same: offsets count on, the first answer stays. */
    assert_int_equal(apply(partition, entry_keyed(entry_records(3, 5, 3, 70), 1, 10)), STATUS_OK);
    assert_int_equal(partition_next_offset(partition), 8);
    assert_int_equal(partition_key_count(partition), 1);
    assert_int_equal(find_key(partition, 1, 10, &answer), PARTITION_KEY_DUPLICATE);
    assert_int_equal(answer.index, 2);
    partition_destroy(partition);
}

static void test_the_oldest_key_is_forgotten_first(void **state) {
    (void)state;
    struct partition *partition = make(3);
    for (uint64_t key = 1; key <= 4; key++) {
        struct entry_header header = entry_keyed(entry_records(key, (int64_t)key - 1, 1, 0), key, key);
        assert_int_equal(apply(partition, header), STATUS_OK);
    }
    struct partition_answer answer;
    assert_int_equal(partition_key_count(partition), 3);
    assert_int_equal(find_key(partition, 1, 1, &answer), PARTITION_KEY_NEW);
    for (uint64_t key = 2; key <= 4; key++) {
        assert_int_equal(find_key(partition, key, key, &answer), PARTITION_KEY_DUPLICATE);
    }
    partition_destroy(partition);
}

static void test_apply_without_memory_changes_nothing(void **state) {
    (void)state;
    struct partition *partition = make(KEYS_MAX);
    struct entry_header header = entry_keyed(entry_records(1, 0, 1, 5), 1, 1);
    uint32_t before = partition_digest(partition);
    uint64_t nth = 1;
    for (;; nth++) {
        allocation_fail_at(nth);
        enum status status = apply(partition, header);
        if (!allocation_failed()) {
            assert_int_equal(status, STATUS_OK);
            break;
        }
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_int_equal(partition_digest(partition), before);
    }
    assert_true(nth > 1);
    partition_destroy(partition);
    allocation_fail_at(1);
    assert_null(partition_create(KEYS_MAX));
    assert_true(allocation_failed());
}

/* What a plain reading of the header says, with a list of every key ever applied. */
struct model {
    uint64_t index;
    int64_t next_offset;
    int64_t log_start;
    int64_t time_ms;
    struct partition_answer kept[MODEL_ROUNDS];
    uint64_t kept_keys[MODEL_ROUNDS];
    size_t kept_from; /* those before are forgotten */
    size_t kept_to;
};

static const struct partition_answer *model_find(const struct model *model, uint64_t key) {
    for (size_t i = model->kept_from; i < model->kept_to; i++) {
        if (model->kept_keys[i] == key) {
            return &model->kept[i];
        }
    }
    return NULL;
}

static void model_remember(struct model *model, uint64_t key, const struct entry_header *header) {
    if (model_find(model, key)) {
        return;
    }
    model->kept_keys[model->kept_to] = key;
    model->kept[model->kept_to++] =
        (struct partition_answer){header->index, header->base_offset, header->count, header->append_time_ms};
    if (model->kept_to - model->kept_from > KEYS_MAX) {
        model->kept_from++;
    }
}

static void assert_like_model(const struct partition *partition, const struct model *model) {
    assert_int_equal(partition_applied_index(partition), model->index);
    assert_int_equal(partition_next_offset(partition), model->next_offset);
    assert_int_equal(partition_log_start_offset(partition), model->log_start);
    assert_int_equal(partition_last_append_time_ms(partition), model->time_ms);
    assert_int_equal(partition_key_count(partition), model->kept_to - model->kept_from);
    for (uint64_t key = 0; key < KEY_NUMBERS; key++) {
        struct partition_answer answer;
        const struct partition_answer *expected = model_find(model, key);
        enum partition_key_state found = find_key(partition, key, key, &answer);
        assert_int_equal(found, expected ? PARTITION_KEY_DUPLICATE : PARTITION_KEY_NEW);
        if (expected) {
            assert_int_equal(answer.index, expected->index);
            assert_int_equal(answer.base_offset, expected->base_offset);
            assert_int_equal(answer.count, expected->count);
            assert_int_equal(answer.append_time_ms, expected->append_time_ms);
        }
    }
}

static void step_records(struct partition *partition, struct model *model, struct prng *prng) {
    uint32_t count = (uint32_t)prng_between(prng, 1, 9);
    model->time_ms += (int64_t)prng_below(prng, 3);
    struct entry_header header = entry_records(model->index, model->next_offset, count, model->time_ms);
    if (prng_chance(prng, 2, 3)) {
        uint64_t key = prng_below(prng, KEY_NUMBERS);
        header = entry_keyed(header, key, key);
        model_remember(model, key, &header);
    }
    model->next_offset += count;
    assert_int_equal(apply(partition, header), STATUS_OK);
}

static void test_random_logs_agree_with_the_model(void **state) {
    (void)state;
    static struct model model;
    struct prng prng;
    prng_init(&prng, 11);
    struct partition *partition = make(KEYS_MAX);
    for (int round = 0; round < MODEL_ROUNDS; round++) {
        model.index++;
        uint64_t choice = prng_below(&prng, 10);
        if (choice == 0) {
            assert_int_equal(apply(partition, entry_of_type(RAFT_ENTRY_NOOP, model.index)), STATUS_OK);
        } else if (choice == 1) {
            int64_t start = (int64_t)prng_below(&prng, (uint64_t)model.next_offset + 10);
            if (start > model.log_start && start <= model.next_offset) {
                model.log_start = start;
            }
            assert_int_equal(apply_log_start(partition, model.index, (uint64_t)start), STATUS_OK);
        } else {
            step_records(partition, &model, &prng);
        }
        assert_like_model(partition, &model);
    }
    partition_destroy(partition);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_are_counted_by_records_alone),
        cmocka_unit_test(test_entries_that_cannot_be_right_are_refused),
        cmocka_unit_test(test_log_start_moves_forward_within_what_is_there),
        cmocka_unit_test(test_a_repeated_key_gets_the_first_answer),
        cmocka_unit_test(test_the_oldest_key_is_forgotten_first),
        cmocka_unit_test(test_apply_without_memory_changes_nothing),
        cmocka_unit_test(test_random_logs_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
