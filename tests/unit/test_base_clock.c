#include "aviary/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_monotonic_clock_does_not_go_back(void **state) {
    (void)state;
    uint64_t before_us = clock_monotonic_us();
    for (int i = 0; i < 1000; i++) {
        uint64_t now_us = clock_monotonic_us();
        assert_true(now_us >= before_us);
        before_us = now_us;
    }
}

static void test_both_units_tell_the_same_time(void **state) {
    (void)state;
    uint64_t low_us = clock_monotonic_us();
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t high_us = clock_monotonic_us();
    assert_in_range(now_ms, low_us / 1000, high_us / 1000);
}

static void test_the_wall_clock_stands_in_our_time(void **state) {
    (void)state;
    assert_true(clock_wall_ms() > 1600000000000);
    assert_true(clock_wall_ms() < 16000000000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(test_both_units_tell_the_same_time),
        cmocka_unit_test(test_the_wall_clock_stands_in_our_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
