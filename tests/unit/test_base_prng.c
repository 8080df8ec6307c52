#include "aviary/base/prng.h"

#include "aborts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The first numbers of the authors' C code, seeded with splitmix64 from 0. */
static void test_known_numbers(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 0);
    assert_true(prng.state[0] == 0xe220a8397b1dcdafu);
    assert_true(prng.state[1] == 0x6e789e6aa1b965f4u);
    assert_true(prng_next(&prng) == 0x99ec5f36cb75f2b4u);
    assert_true(prng_next(&prng) == 0xbf6e1f784956452au);
}

static void test_the_same_seed_gives_the_same(void **state) {
    (void)state;
    struct prng a;
    struct prng b;
    struct prng c;
    prng_init(&a, 7);
    prng_init(&b, 7);
    prng_init(&c, 8);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t number = prng_next(&a);
        assert_true(number == prng_next(&b));
        differs |= number != prng_next(&c);
    }
    assert_true(differs);
}

static void test_stays_below_and_reaches_all(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    unsigned hits[10] = {0};
    for (int i = 0; i < 10000; i++) {
        hits[prng_below(&prng, 10)]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(hits[i], 850, 1150);
    }
    assert_int_equal(prng_below(&prng, 1), 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(prng_below(&prng, UINT64_MAX) < UINT64_MAX);
    }
}

static void test_between_takes_both_ends(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    bool low = false;
    bool high = false;
    for (int i = 0; i < 1000; i++) {
        uint64_t number = prng_between(&prng, 5, 7);
        assert_in_range(number, 5, 7);
        low |= number == 5;
        high |= number == 7;
    }
    assert_true(low && high);
    assert_int_equal(prng_between(&prng, 9, 9), 9);
    (void)prng_between(&prng, 0, UINT64_MAX);
}

static void test_chance(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    unsigned hits = 0;
    for (int i = 0; i < 10000; i++) {
        hits += prng_chance(&prng, 1, 4);
        assert_false(prng_chance(&prng, 0, 4));
        assert_true(prng_chance(&prng, 4, 4));
    }
    assert_in_range(hits, 2300, 2700);
}

static void below_nothing(void *argument) {
    (void)prng_below(argument, 0);
}

static void test_there_is_nothing_below_zero(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    assert_true(aborts(below_nothing, &prng));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_numbers),
        cmocka_unit_test(test_the_same_seed_gives_the_same),
        cmocka_unit_test(test_stays_below_and_reaches_all),
        cmocka_unit_test(test_between_takes_both_ends),
        cmocka_unit_test(test_chance),
        cmocka_unit_test(test_there_is_nothing_below_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
