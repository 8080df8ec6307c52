/* Places: no more at once than there are; who waits gets one that is given back, or none by the deadline. */
#include "api/places.h"
#include "aviary/base/assert.h"
#include "aviary/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PLACES = 3, WAITERS = 8, ROUNDS = 200, PATIENCE_MS = 30000, SHORT_MS = 30 };

static uint64_t later(uint64_t ms) {
    return clock_monotonic_ms() + ms;
}

static void test_none_is_free_until_one_is_given_back(void **state) {
    (void)state;
    struct places places;
    places_init(&places, PLACES);
    for (int i = 0; i < PLACES; i++) {
        assert_true(places_take(&places, 0)); /* waits for nothing where one is free */
    }
    uint64_t begin_ms = clock_monotonic_ms();
    assert_false(places_take(&places, begin_ms + SHORT_MS));
    assert_true(clock_monotonic_ms() >= begin_ms + SHORT_MS);
    places_give(&places);
    assert_true(places_take(&places, 0));
    assert_false(places_take(&places, 0));
    places_finish(&places);
}

struct crowd {
    struct places places;
    atomic_int inside;
    atomic_int most;
};

static void come_and_go(void *context) {
    struct crowd *crowd = context;
    for (int i = 0; i < ROUNDS; i++) {
        ASSERT(places_take(&crowd->places, later(PATIENCE_MS)));
        int inside = atomic_fetch_add(&crowd->inside, 1) + 1;
        int most = atomic_load(&crowd->most);
        while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside)) {
        }
        atomic_fetch_sub(&crowd->inside, 1);
        places_give(&crowd->places);
    }
}

static void test_a_crowd_goes_through(void **state) {
    (void)state;
    struct crowd crowd = {.inside = 0};
    struct thread threads[WAITERS];
    places_init(&crowd.places, PLACES);
    for (size_t i = 0; i < WAITERS; i++) {
        assert_int_equal(thread_start(&threads[i], "crowd", come_and_go, &crowd, NULL), STATUS_OK);
    }
    for (size_t i = 0; i < WAITERS; i++) {
        thread_join(&threads[i]);
    }
    assert_true(crowd.most >= 1 && crowd.most <= PLACES);
    for (int i = 0; i < PLACES; i++) {
        assert_true(places_take(&crowd.places, 0));
    }
    places_finish(&crowd.places);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_is_free_until_one_is_given_back),
        cmocka_unit_test(test_a_crowd_goes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
