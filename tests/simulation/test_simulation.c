/*
 * The simulator itself: a seed's run is the same each time; and seeds that once found something.
 */
#include "simulation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECONDS = 10, FOUND_SECONDS = 60 };

static void same_seed_makes_the_same_run(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct simulation_result first = simulation_run(seed, SECONDS, false);
        struct simulation_result again = simulation_run(seed, SECONDS, false);
        assert_int_equal(first.trace_hash, again.trace_hash);
        assert_int_equal(first.statistics.counts[STATISTIC_EVENTS],
                         again.statistics.counts[STATISTIC_EVENTS]);
    }
}

static void other_seeds_make_other_runs(void **state) {
    (void)state;
    struct simulation_result one = simulation_run(1, SECONDS, false);
    struct simulation_result other = simulation_run(2, SECONDS, false);
    assert_int_not_equal(one.trace_hash, other.trace_hash);
}

/* A simulator in which nothing happens finds nothing. */
static void everything_happens(void **state) {
    (void)state;
    struct statistics sum = {0};
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct statistics statistics = simulation_run(seed, SECONDS, false).statistics;
        for (size_t i = 0; i < STATISTIC_COUNT; i++) {
            sum.counts[i] += statistics.counts[i];
        }
    }
    for (size_t i = 0; i < STATISTIC_COUNT; i++) {
        print_message("%12lu %s\n", sum.counts[i], statistic_name((enum statistic)i));
        assert_true(sum.counts[i] > 0);
    }
    assert_true(sum.counts[STATISTIC_ACKNOWLEDGED] > 1000);
    assert_true(sum.counts[STATISTIC_READS] > 1000);
    assert_true(sum.counts[STATISTIC_ELECTIONS] > 100);
}

/* Each failed with the code as it was then; the mutant of the same name brings the cause back. */
static const struct {
    uint64_t seed;
    const char *mutant;
    const char *cause;
} found[] = {
    {3, "offset-of-applied-state",
     "a new leader's no-op named the applied offset, not the one behind the log"},
    {1, "snapshot-with-a-size", "the core refused every snapshot: its message named a size and had no data"},
    {4, "deletion-forgotten", "a restart made a deleted replica anew, empty, and it voted again"},
    {6, "state-not-saved-behind-commit", "a log start moved on a state that had not been saved"},
    {11, "storage-read-past-the-tail",
     "entries were applied from storage that a truncation was about to remove"},
};

static void seeds_that_found_something_pass(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        print_message("seed %lu: %s: %s\n", found[i].seed, found[i].mutant, found[i].cause);
        assert_true(
            simulation_run(found[i].seed, FOUND_SECONDS, false).statistics.counts[STATISTIC_COMMITTED] > 0);
    }
}

int main(void) {
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_makes_the_same_run),
        cmocka_unit_test(other_seeds_make_other_runs),
        cmocka_unit_test(everything_happens),
        cmocka_unit_test(seeds_that_found_something_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
