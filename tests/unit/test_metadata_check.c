/*
 * What names and configs may be, and how lists of configs are laid over each other.
 */
#include "metadata/config.h"
#include "metadata_fixture.h"

static enum status check_name(const char *name) {
    struct error error = {0};
    enum status status = metadata_check_name(slice_of_string(name), &error);
    assert_int_equal(status != STATUS_OK, error.message[0] != 0);
    return status;
}

static void test_names(void **state) {
    (void)state;
    static const char *const good[] = {"a", "A-Z_0.9", "...", ".a", "__internal"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(check_name(good[i]), STATUS_OK);
    }
    static const char *const bad[] = {"", ".", "..", "a/b", "a b", "a\n", "\xc3\xa4", "a%", "a:b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(check_name(bad[i]), STATUS_INVALID);
    }
    char longest[NAME_SIZE_MAX + 2];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(metadata_check_name(slice_make(longest, NAME_SIZE_MAX), NULL), STATUS_OK);
    assert_int_equal(metadata_check_name(slice_make(longest, NAME_SIZE_MAX + 1), NULL), STATUS_INVALID);
    assert_int_equal(metadata_check_name(slice_make("a\0b", 3), NULL), STATUS_INVALID);
}

static enum status check_config(const char *name, const char *value) {
    return metadata_check_config(slice_of_string(name), slice_of_string(value), NULL);
}

static void test_config_values(void **state) {
    (void)state;
    static const struct metadata_config good[] = {
        {"retention.ms", "-1"},
        {"retention.ms", "0"},
        {"retention.ms", "9223372036854775807"},
        {"retention.ms", ""},
        {"retention.bytes", "-1"},
        {"retention.bytes", "007"},
        {"max.message.bytes", "1"},
        {"max.message.bytes", "8388608"},
        {"cleanup.policy", "delete"},
        {"cleanup.policy", "compact"},
        {"cleanup.policy", "compact,delete"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(check_config(good[i].name, good[i].value), STATUS_OK);
    }
    static const struct metadata_config bad[] = {
        {"retention.ms", "-2"},
        {"retention.ms", "9223372036854775808"},
        {"retention.ms", "-9223372036854775809"},
        {"retention.ms", "99999999999999999999999"},
        {"retention.ms", "1h"},
        {"retention.ms", " 1"},
        {"retention.ms", "+1"},
        {"retention.ms", "-"},
        {"retention.ms", "1.5"},
        {"max.message.bytes", "0"},
        {"max.message.bytes", "8388609"},
        {"cleanup.policy", "Delete"},
        {"cleanup.policy", "delete "},
        {"min.insync.replicas", "2"},
        {"", "2"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(check_config(bad[i].name, bad[i].value), STATUS_INVALID);
    }
}

static void test_messages_say_what_would_do(void **state) {
    (void)state;
    struct error error;
    struct slice value = slice_of_string("2");
    enum status status = metadata_check_config(slice_of_string("min.insync.replicas"), value, &error);
    assert_int_equal(status, STATUS_INVALID);
    assert_string_equal(error.message, "unknown topic config: there are cleanup.policy | max.message.bytes | "
                                       "retention.bytes | retention.ms");
    assert_int_equal(metadata_check_config(slice_of_string("cleanup.policy"), value, &error), STATUS_INVALID);
    assert_string_equal(error.message, "cleanup.policy takes one of: delete | compact | compact,delete | "
                                       "delete,compact");
    value = slice_of_string("0");
    status = metadata_check_config(slice_of_string("max.message.bytes"), value, &error);
    assert_int_equal(status, STATUS_INVALID);
    assert_string_equal(error.message, "max.message.bytes takes a whole number from 1 to 8388608");
}

static void test_changes_are_laid_over(void **state) {
    (void)state;
    struct metadata_config old[] = {config("b", "1"), config("d", "1"), config("f", "1")};
    struct metadata_config changes[] = {config("g", "2"), config("a", "2"), config("d", ""), config("f", "2"),
                                        config("e", "")};
    struct metadata_config merged[8];
    assert_true(metadata_configs_prepare(changes, 5));
    assert_int_equal(metadata_configs_merge(old, 3, changes, 5, merged), 4);
    struct metadata_config expected[] = {config("a", "2"), config("b", "1"), config("f", "2"),
                                         config("g", "2")};
    assert_true(metadata_configs_equal(merged, 4, expected, 4));
    assert_int_equal(metadata_configs_merge(old, 3, NULL, 0, merged), 3);
    assert_true(metadata_configs_equal(merged, 3, old, 3));
    assert_int_equal(metadata_configs_merge(NULL, 0, old, 3, merged), 3);
    assert_true(metadata_configs_equal(merged, 3, old, 3));
    assert_false(metadata_configs_equal(merged, 3, old, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_config_values),
        cmocka_unit_test(test_messages_say_what_would_do),
        cmocka_unit_test(test_changes_are_laid_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
