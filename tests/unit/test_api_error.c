#include "api/error.h"
#include "api/write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_every_failure_has_a_code_of_its_status(void **state) {
    (void)state;
    for (enum status status = STATUS_INVALID; status <= STATUS_CLOSED; status++) {
        unsigned code = error_code_of(status);
        assert_in_range(code, 40000, 59999);
    }
    assert_int_equal(error_code_of(STATUS_UNKNOWN) / 100, 504);
    assert_int_equal(error_code_of(STATUS_INVALID) / 100, 400);
    assert_int_equal(error_code_of(STATUS_EXISTS) / 100, 422);
}

/* 503 says that nothing was appended. */
static void test_503_only_where_nothing_was_done(void **state) {
    (void)state;
    static const enum status unavailable[] = {STATUS_UNAVAILABLE, STATUS_NOT_LEADER, STATUS_TIMEOUT,
                                              STATUS_FULL, STATUS_NO_SPACE};
    for (size_t i = 0; i < sizeof unavailable / sizeof unavailable[0]; i++) {
        assert_int_equal(error_code_of(unavailable[i]) / 100, 503);
    }
    assert_int_not_equal(error_code_of(STATUS_UNKNOWN) / 100, 503);
    assert_int_not_equal(error_code_of(STATUS_IO) / 100, 503);
}

/* What another broker answers means there what it would mean here; what is no answer of ours is unknown. */
static void test_answers_of_other_brokers(void **state) {
    (void)state;
    static const enum status statuses[] = {STATUS_INVALID,   STATUS_NOT_FOUND,   STATUS_EXISTS,
                                           STATUS_TOO_LARGE, STATUS_UNAVAILABLE, STATUS_UNKNOWN};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        assert_int_equal(error_status_of_http(error_code_of(statuses[i]) / 100), statuses[i]);
    }
    assert_int_equal(error_status_of_http(201), STATUS_OK);
    assert_int_equal(error_status_of_http(412), STATUS_CONFLICT);
    assert_int_equal(error_status_of_http(500), STATUS_UNKNOWN);
    assert_int_equal(error_status_of_http(302), STATUS_UNKNOWN);
    assert_int_equal(error_status_of_http(418), STATUS_UNKNOWN);
}

static void test_writes_are_tried_again_only_where_it_cannot_double(void **state) {
    (void)state;
    for (enum status status = STATUS_OK; status <= STATUS_CLOSED; status++) {
        bool nothing_done =
            status == STATUS_NOT_LEADER || status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
        assert_int_equal(write_may_retry(status, false), nothing_done);
        assert_int_equal(write_may_retry(status, true), nothing_done || status == STATUS_UNKNOWN);
    }
}

/* A disk that is full by now does not mean that an attempt before, of which nobody knows, stored nothing. */
static void test_few_answers_say_what_became_of_the_attempts_before(void **state) {
    (void)state;
    for (enum status status = STATUS_OK; status <= STATUS_CLOSED; status++) {
        bool key_was_looked_for = status == STATUS_OK || status == STATUS_EXISTS || status == STATUS_CONFLICT;
        assert_int_equal(write_says_of_all(status), key_was_looked_for);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_failure_has_a_code_of_its_status),
        cmocka_unit_test(test_503_only_where_nothing_was_done),
        cmocka_unit_test(test_answers_of_other_brokers),
        cmocka_unit_test(test_writes_are_tried_again_only_where_it_cannot_double),
        cmocka_unit_test(test_few_answers_say_what_became_of_the_attempts_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
