/*
 * The key table against a plain list, with keys that collide on purpose.
 */
#include "allocation.h"
#include "aviary/base/prng.h"
#include "partition/key_table.h"
#include "partition_entries.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KEYS = 64, ROUNDS = 4000 };

struct model {
    uint64_t numbers[KEYS];
    size_t count;
};

static struct hash128 key_of(uint64_t number, uint32_t spread) {
    return hash_colliding(number, (uint32_t)number % spread);
}

static bool model_has(const struct model *model, uint64_t number) {
    for (size_t i = 0; i < model->count; i++) {
        if (model->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

static void model_pop(struct model *model) {
    model->count--;
    memmove(model->numbers, model->numbers + 1, model->count * sizeof model->numbers[0]);
}

static void assert_same(const struct key_table *table, const struct model *model, uint32_t spread) {
    assert_int_equal(table->count, model->count);
    for (size_t i = 0; i < model->count; i++) {
        assert_int_equal(key_table_at(table, i)->answer.index, model->numbers[i]);
    }
    for (uint64_t number = 0; number < KEYS; number++) {
        struct hash128 key = key_of(number, spread);
        const struct key_record *record = key_table_find(table, &key);
        assert_int_equal(record != NULL, model_has(model, number));
        if (record) {
            assert_int_equal(record->answer.index, number);
        }
    }
}

static void push(struct key_table *table, struct model *model, uint64_t number, uint32_t spread) {
    struct key_record record = {.key = key_of(number, spread), .answer = {.index = number}};
    assert_int_equal(key_table_reserve(table), STATUS_OK);
    if (table->count == table->count_max) {
        key_table_pop(table);
        model_pop(model);
    }
    key_table_push(table, &record);
    model->numbers[model->count++] = number;
}

static void run(uint64_t seed, size_t count_max, uint32_t spread) {
    struct prng prng;
    prng_init(&prng, seed);
    struct model model = {0};
    struct key_table table;
    key_table_init(&table, count_max);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t number = prng_below(&prng, KEYS);
        if (prng_chance(&prng, 1, 500)) {
            key_table_clear(&table);
            model.count = 0;
        } else if (prng_chance(&prng, 1, 3) && model.count > 0) {
            key_table_pop(&table);
            model_pop(&model);
        } else if (!model_has(&model, number)) {
            push(&table, &model, number, spread);
        }
        assert_same(&table, &model, spread);
    }
    key_table_finish(&table);
}

static void test_behaves_like_a_list(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 15, 16, 17, 40, KEYS};
    static const uint32_t spreads[] = {1, 2, 7, KEYS};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t k = 0; k < sizeof spreads / sizeof spreads[0]; k++) {
            run(i * 10 + k, sizes[i], spreads[k]);
        }
    }
}

static void test_probing_wraps_around_the_end(void **state) {
    (void)state;
    struct key_table table;
    key_table_init(&table, 16);
    for (uint64_t number = 0; number < 40; number++) {
        struct key_record record = {.key = hash_colliding(number, UINT32_MAX), .answer = {.index = number}};
        assert_int_equal(key_table_reserve(&table), STATUS_OK);
        if (table.count == 16) {
            struct hash128 oldest = key_table_at(&table, 0)->key;
            key_table_pop(&table);
            assert_null(key_table_find(&table, &oldest));
        }
        key_table_push(&table, &record);
        for (size_t i = 0; i < table.count; i++) {
            const struct key_record *at = key_table_at(&table, i);
            assert_ptr_equal(key_table_find(&table, &at->key), at);
        }
    }
    key_table_finish(&table);
}

static void test_reserve_without_memory_changes_nothing(void **state) {
    (void)state;
    struct model model = {0};
    struct key_table table;
    key_table_init(&table, KEYS);
    for (uint64_t number = 0; number < KEYS; number++) {
        for (uint64_t nth = 1;; nth++) {
            allocation_fail_at(nth);
            enum status status = key_table_reserve(&table);
            if (!allocation_failed()) {
                assert_int_equal(status, STATUS_OK);
                break;
            }
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_same(&table, &model, KEYS);
        }
        push(&table, &model, number, KEYS);
    }
    assert_same(&table, &model, KEYS);
    key_table_finish(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behaves_like_a_list),
        cmocka_unit_test(test_probing_wraps_around_the_end),
        cmocka_unit_test(test_reserve_without_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
