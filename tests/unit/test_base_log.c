#include "aviary/base/log.h"

#include "aviary/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char captured[4 * LOG_LINE_MAX];

/* Standard error goes to a file while log_write runs; its text is then in `captured`. */
static void capture(const char *room, const char *event, const char *detail) {
    char path[] = "/tmp/aviary-test-log-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(unlink(path), 0);
    int before = dup(STDERR_FILENO);
    assert_true(dup2(file, STDERR_FILENO) >= 0);
    log_warn(room, event, "%s", detail);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    ssize_t size = pread(file, captured, sizeof captured - 1, 0);
    assert_true(size >= 0);
    captured[size] = '\0';
    close(file);
}

/* The line behind its time, whose form is checked. */
static const char *behind_time(const char *text) {
    const char *form = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (; *form != '\0'; form++, text++) {
        if (*form == 'd') {
            assert_in_range(*text, '0', '9');
        } else {
            assert_int_equal(*text, *form);
        }
    }
    return text;
}

static void test_a_line_of_text(void **state) {
    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, 7);
    capture("replica", "became leader", "group=3 term=7");
    assert_string_equal(behind_time(captured), " WARN  broker=7 replica: became leader group=3 term=7\n");
    capture("replica", "stopped", "");
    assert_string_equal(behind_time(captured), " WARN  broker=7 replica: stopped\n");
}

static void test_a_line_of_json(void **state) {
    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON, 7);
    capture("replica", "became leader", "a=\"b\\c\"");
    assert_memory_equal(captured, "{\"ts\":\"", 7);
    assert_string_equal(behind_time(captured + 7),
                        "\",\"level\":\"warn\",\"broker\":7,\"room\":\"replica\",\"event\":\"became leader\","
                        "\"detail\":\"a=\\\"b\\\\c\\\"\"}\n");
}

static void test_nothing_inside_breaks_the_line(void **state) {
    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, 1);
    capture("http", "odd", "a\nb\tc\x1b[31m\x7f\xff \xc3\xb6");
    assert_string_equal(behind_time(captured),
                        " WARN  broker=1 http: odd a\\u000ab\\u0009c\\u001b[31m\\u007f\\u00ff \xc3\xb6\n");
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON, 1);
    capture("http", "odd", "a\nb\xff");
    assert_non_null(strstr(captured, "\"detail\":\"a\\u000ab\\u00ff\"}\n"));
}

static void test_a_long_line_is_cut_and_ends_well(void **state) {
    (void)state;
    static char detail[2 * LOG_LINE_MAX];
    memset(detail, 'x', sizeof detail - 1);
    detail[10] = '\n'; /* an escape, so that it is not vsnprintf that cuts */
    const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};
    for (size_t i = 0; i < 2; i++) {
        log_configure(LOG_LEVEL_INFO, formats[i], 1);
        capture("room", "event", detail);
        size_t size = strlen(captured);
        assert_in_range(size, LOG_LINE_MAX - 10, LOG_LINE_MAX);
        assert_string_equal(captured + size - (i == 0 ? 2 : 4), i == 0 ? "x\n" : "x\"}\n");
    }
}

static void test_levels(void **state) {
    (void)state;
    log_configure(LOG_LEVEL_WARN, LOG_FORMAT_TEXT, 1);
    assert_false(log_enabled(LOG_LEVEL_INFO));
    assert_true(log_enabled(LOG_LEVEL_WARN));
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 1);
    capture("room", "quiet", "");
    assert_string_equal(captured, "");
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 1);
    assert_false(log_enabled(LOG_LEVEL_ERROR));
}

static void test_names_of_levels_and_formats(void **state) {
    (void)state;
    enum log_level level = LOG_LEVEL_OFF;
    assert_int_equal(log_level_parse("debug", &level), STATUS_OK);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("error", &level), STATUS_OK);
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_int_equal(log_level_parse("off", &level), STATUS_OK);
    assert_int_equal(log_level_parse("INFO", &level), STATUS_INVALID);
    assert_int_equal(log_level_parse("", &level), STATUS_INVALID);
    assert_int_equal(level, LOG_LEVEL_OFF);
    enum log_format format = LOG_FORMAT_TEXT;
    assert_int_equal(log_format_parse("json", &format), STATUS_OK);
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_int_equal(log_format_parse("text", &format), STATUS_OK);
    assert_int_equal(format, LOG_FORMAT_TEXT);
    assert_int_equal(log_format_parse("xml", &format), STATUS_INVALID);
}

static void test_errno_stays(void **state) {
    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, 1);
    int before = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = ENOENT;
    log_error("room", "nobody hears", "%d", 1);
    assert_int_equal(errno, ENOENT);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_of_text),
        cmocka_unit_test(test_a_line_of_json),
        cmocka_unit_test(test_nothing_inside_breaks_the_line),
        cmocka_unit_test(test_a_long_line_is_cut_and_ends_well),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_names_of_levels_and_formats),
        cmocka_unit_test(test_errno_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
