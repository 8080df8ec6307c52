/* Options: flags before the environment before the file before defaults, and nothing misspelt passes. */
#include "allocation.h"
#include "aviary/base.h"
#include "server/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 16, TEXT_MAX = 64 * 1024 };

/* A command line; ends with NULL. */
struct line {
    char *words[WORDS_MAX];
    int count;
};

static struct line line_of(const char *const *words) {
    static char name[] = "aviaryd";
    struct line line = {.words = {name}, .count = 1};
    for (; words && *words; words++) {
        line.words[line.count++] = (char *)(uintptr_t)*words;
    }
    return line;
}

static enum status read_all(const char *const *words, const char *const *environment,
                            struct options *ret_options, enum option_action *ret_action,
                            struct error *error) {
    static char *none[] = {NULL};
    struct line line = line_of(words);
    char **variables = environment ? (char **)(uintptr_t)environment : none;
    error->message[0] = '\0';
    return options_read(line.count, line.words, variables, ret_options, ret_action, error);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_text(const char *const *words, const char *const *environment, enum option_id option,
                        const char *expected, const char *from) {
    struct options options;
    enum option_action action;
    struct error error;
    enum status status = read_all(words, environment, &options, &action, &error);
    if (status != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(action, OPTION_ACTION_RUN);
    assert_string_equal(options_text(&options, option), expected);
    assert_string_equal(options.from[option], from);
    options_finish(&options);
}

/* The message has `part` in it: people are to know what to change. */
static void expect_refused(const char *const *words, const char *const *environment, const char *part) {
    struct options options;
    enum option_action action;
    struct error error;
    assert_int_equal(read_all(words, environment, &options, &action, &error), STATUS_INVALID);
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
    }
    options_finish(&options);
    options_finish(&options);
}

struct config_file {
    char path[64];
};

static struct config_file write_file(const char *text) {
    struct config_file file = {.path = "/tmp/aviary-options-XXXXXX"};
    int fd = mkstemp(file.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return file;
}

static void test_sources_have_an_order(void **state) {
    (void)state;
    struct config_file file = write_file("listen = file:1\n");
    const char *const *flags = WORDS("--listen", "flag:1", "--config", file.path);
    const char *const *others = WORDS("--config", file.path);
    const char *const *environment = WORDS("AVIARY_LISTEN=environment:1", "HOME=/root", "PATH");
    expect_text(NULL, NULL, OPTION_LISTEN, "127.0.0.1:8000", "default");
    expect_text(others, NULL, OPTION_LISTEN, "file:1", "file");
    expect_text(others, environment, OPTION_LISTEN, "environment:1", "environment");
    expect_text(flags, environment, OPTION_LISTEN, "flag:1", "flag");
    expect_text(NULL, WORDS("AVIARY_CONFIG=/dev/null", "AVIARY_PEER_LISTEN=p:1"), OPTION_PEER_LISTEN, "p:1",
                "environment");
    expect_text(WORDS("--data="), NULL, OPTION_DATA, "", "flag");
    unlink(file.path);
}

static void test_a_file_is_read_line_by_line(void **state) {
    (void)state;
    struct config_file file =
        write_file("# a comment\n\n  id =  7  \nlog-level=debug\n\tdata = a = b\r\nadvertise =");
    const char *const *words = WORDS("--config", file.path);
    expect_text(words, NULL, OPTION_ID, "7", "file");
    expect_text(words, NULL, OPTION_LOG_LEVEL, "debug", "file");
    expect_text(words, NULL, OPTION_DATA, "a = b", "file");
    expect_text(words, NULL, OPTION_ADVERTISE, "", "file");
    unlink(file.path);
}

static void expect_file_refused(const char *text, const char *part) {
    struct config_file file = write_file(text);
    expect_refused(WORDS("--config", file.path), NULL, part);
    unlink(file.path);
}

static void test_files_that_do_not_hold(void **state) {
    (void)state;
    char long_line[6000];
    memset(long_line, 'a', sizeof long_line - 1);
    long_line[sizeof long_line - 1] = '\0';
    expect_file_refused("id 7\n", ":1: write `name = value`");
    expect_file_refused("id = 7\nports = 1\n", ":2: there is no option \"ports\"");
    expect_file_refused("config = /etc/other\n", "there is no option \"config\"");
    expect_file_refused("id = 1\nid = 2\n", "id is said twice");
    expect_file_refused(long_line, ":1: a line has at most");
    expect_refused(WORDS("--config", "/nonexistent/aviary.conf"), NULL,
                   "/nonexistent/aviary.conf: No such file");
}

static void test_misspelt_flags_and_variables(void **state) {
    (void)state;
    expect_refused(WORDS("--port", "1"), NULL, "--port: there is no such flag");
    expect_refused(WORDS("--id"), NULL, "--id: this flag takes a value");
    expect_refused(WORDS("start"), NULL, "start: all is said by flags");
    expect_refused(WORDS("--id", "1", "--id", "2"), NULL, "id is said twice (flag)");
    expect_refused(NULL, WORDS("AVIARY_PORT=1"), "AVIARY_PORT, which is no option");
    expect_refused(NULL, WORDS("AVIARY_=1"), "which is no option");
}

/* What no line of the file could say would be printed as something else. */
static void test_values_that_no_line_could_say(void **state) {
    (void)state;
    static char longest[4096 - 64 + 2];
    memset(longest, 'a', sizeof longest - 1);
    expect_refused(WORDS("--data", " a"), NULL, "white space");
    expect_refused(WORDS("--data", "a\v"), NULL, "white space");
    expect_refused(WORDS("--data", "a\nid = 2"), NULL, "line breaks");
    expect_refused(WORDS("--data", longest), NULL, "at most 4032 bytes");
    expect_refused(NULL, WORDS("AVIARY_DATA=a "), "environment");
    longest[sizeof longest - 2] = '\0';
    expect_text(WORDS("--data", longest), NULL, OPTION_DATA, longest, "flag");
    expect_text(WORDS("--data", "a b"), NULL, OPTION_DATA, "a b", "flag");
}

static void test_actions(void **state) {
    (void)state;
    static const struct {
        const char *flag;
        enum option_action action;
    } actions[] = {{"--help", OPTION_ACTION_HELP},
                   {"--version", OPTION_ACTION_VERSION},
                   {"--check-config", OPTION_ACTION_CHECK_CONFIG}};
    for (size_t i = 0; i < 3; i++) {
        struct options options;
        enum option_action action;
        struct error error;
        assert_int_equal(read_all(WORDS(actions[i].flag), NULL, &options, &action, &error), STATUS_OK);
        assert_int_equal(action, actions[i].action);
        options_finish(&options);
    }
    /* Who asks for help is not told of a broken file first. */
    struct options options;
    enum option_action action;
    struct error error;
    assert_int_equal(read_all(WORDS("--help", "--config", "/nonexistent"), NULL, &options, &action, &error),
                     STATUS_OK);
    options_finish(&options);
}

static void expect_number(const char *value, enum status expected) {
    struct options options;
    enum option_action action;
    struct error error;
    uint64_t number = 0;
    assert_int_equal(read_all(WORDS("--heartbeat-ms", value), NULL, &options, &action, &error), STATUS_OK);
    assert_int_equal(options_number(&options, OPTION_HEARTBEAT_MS, &number, &error), expected);
    if (expected == STATUS_OK) {
        assert_int_equal(number, strtoull(value, NULL, 10));
    } else {
        assert_non_null(strstr(error.message, "must be a whole number from 5 to 10000"));
        assert_int_equal(number, 0);
    }
    options_finish(&options);
}

static void test_numbers(void **state) {
    (void)state;
    expect_number("5", STATUS_OK);
    expect_number("10000", STATUS_OK);
    expect_number("4", STATUS_INVALID);
    expect_number("10001", STATUS_INVALID);
    expect_number("", STATUS_INVALID);
    expect_number("-5", STATUS_INVALID);
    expect_number("+5", STATUS_INVALID);
    expect_number("5ms", STATUS_INVALID);
    expect_number("0x10", STATUS_INVALID);
    expect_number("18446744073709551621", STATUS_INVALID); /* 5, with 64 bits */
}

static void test_help_names_every_option(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    options_print_help(out);
    fclose(out);
    for (int i = 0; i < OPTION_COUNT; i++) {
        char flag[64];
        snprintf(flag, sizeof flag, "  --%s ", option_name((enum option_id)i));
        if (strstr(text, flag) == NULL) {
            fail_msg("--help does not tell of %s", flag);
        }
    }
    assert_non_null(strstr(text, "--check-config"));
    free(text);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    struct config_file file = write_file("data = /d\nlog-level = debug\n");
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        struct options options;
        enum option_action action;
        struct error error;
        allocation_fail_at(nth);
        enum status status = read_all(WORDS("--config", file.path, "--id", "1"), WORDS("AVIARY_EXPECT=5"),
                                      &options, &action, &error);
        failed = allocation_failed();
        assert_int_equal(status, failed ? STATUS_NO_MEMORY : STATUS_OK);
        assert_true(!failed || error.message[0] != '\0');
        options_finish(&options);
    }
    assert_true(nth > 5); /* each value is a copy */
    unlink(file.path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources_have_an_order),
        cmocka_unit_test(test_a_file_is_read_line_by_line),
        cmocka_unit_test(test_files_that_do_not_hold),
        cmocka_unit_test(test_misspelt_flags_and_variables),
        cmocka_unit_test(test_values_that_no_line_could_say),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_help_names_every_option),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
