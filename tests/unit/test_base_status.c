#include "aviary/base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_every_status_has_its_own_name(void **state) {
    (void)state;
    for (int a = STATUS_OK; a <= STATUS_CLOSED; a++) {
        assert_string_not_equal(status_name((enum status)a), "not a status");
        for (int b = STATUS_OK; b < a; b++) {
            assert_string_not_equal(status_name((enum status)a), status_name((enum status)b));
        }
    }
    assert_string_equal(status_name((enum status)999), "not a status");
}

static void test_what_may_be_retried(void **state) {
    (void)state;
    const enum status retriable[] = {STATUS_FULL,        STATUS_NO_SPACE,   STATUS_TIMEOUT,
                                     STATUS_UNAVAILABLE, STATUS_NOT_LEADER, STATUS_UNKNOWN};
    int count = 0;
    for (int status = STATUS_OK; status <= STATUS_CLOSED; status++) {
        count += status_is_retriable((enum status)status);
    }
    assert_int_equal(count, sizeof retriable / sizeof retriable[0]);
    for (size_t i = 0; i < sizeof retriable / sizeof retriable[0]; i++) {
        assert_true(status_is_retriable(retriable[i]));
    }
}

static void test_fills_the_error(void **state) {
    (void)state;
    struct error error;
    assert_int_equal(error_set(&error, STATUS_FULL, "queue %d", 7), STATUS_FULL);
    assert_int_equal(error.status, STATUS_FULL);
    assert_true(error.retriable);
    assert_string_equal(error.message, "queue 7");
    assert_int_equal(error_set(&error, STATUS_INVALID, "no"), STATUS_INVALID);
    assert_false(error.retriable);
}

static void test_takes_no_error(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, STATUS_IO, "%s", "unheard"), STATUS_IO);
}

static void test_cuts_a_long_message(void **state) {
    (void)state;
    char text[2 * ERROR_MESSAGE_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct error error;
    assert_int_equal(error_set(&error, STATUS_IO, "%s", text), STATUS_IO);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_MAX - 1);
}

static void test_a_message_may_hold_the_one_before(void **state) {
    (void)state;
    struct error error;
    assert_int_equal(error_set(&error, STATUS_IO, "disk gone"), STATUS_IO);
    assert_int_equal(error_set(&error, STATUS_IO, "group 3: %s", error.message), STATUS_IO);
    assert_string_equal(error.message, "group 3: disk gone");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_its_own_name),
        cmocka_unit_test(test_what_may_be_retried),
        cmocka_unit_test(test_fills_the_error),
        cmocka_unit_test(test_takes_no_error),
        cmocka_unit_test(test_cuts_a_long_message),
        cmocka_unit_test(test_a_message_may_hold_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
