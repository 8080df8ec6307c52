/* The configuration: what cannot work is refused with a reason, and what others are told can be reached. */
#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORDS_MAX = 16 };

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void read_options(const char *const *words, struct options *ret_options) {
    static char *none[] = {NULL};
    static char name[] = "aviaryd";
    char *line[WORDS_MAX] = {name};
    int count = 1;
    enum option_action action;
    struct error error;
    for (; words && *words; words++) {
        line[count++] = (char *)(uintptr_t)*words;
    }
    if (options_read(count, line, none, ret_options, &action, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
}

static void expect_refused(const char *const *words, const char *part) {
    struct options options;
    struct config config;
    struct error error = {.message = ""};
    read_options(words, &options);
    assert_int_equal(config_read(&options, &config, &error), STATUS_INVALID);
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, part);
    }
    options_finish(&options);
}

static void expect_taken(const char *const *words) {
    struct options options;
    struct config config;
    struct error error;
    read_options(words, &options);
    if (config_read(&options, &config, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    options_finish(&options);
}

static void test_defaults_are_a_broker_alone(void **state) {
    (void)state;
    struct options options;
    struct config config;
    struct error error;
    read_options(NULL, &options);
    assert_int_equal(config_read(&options, &config, &error), STATUS_OK);
    assert_int_equal(config.id, 1);
    assert_string_equal(config.listen, "127.0.0.1:8000");
    assert_string_equal(config.peer_listen, "127.0.0.1:8100");
    assert_string_equal(config.zookeeper, "");
    assert_string_equal(config.peers, "");
    assert_int_equal(config.expect, 3);
    assert_int_equal(config.heartbeat_ms, RAFT_HEARTBEAT_MS);
    assert_int_equal(config.election_ms, RAFT_ELECTION_MIN_MS);
    assert_int_equal(config.request_deadline_ms, REQUEST_DEADLINE_MS);
    assert_int_equal(config.body_bytes_max, HTTP_BODY_BYTES_MAX);
    assert_int_equal(config.connections_max, HTTP_CONNECTIONS_MAX);
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
    options_finish(&options);
}

static void test_what_cannot_work_is_refused(void **state) {
    (void)state;
    expect_refused(WORDS("--id", "0"), "--id 0: must be a whole number");
    expect_refused(WORDS("--expect", "17"), "--expect 17");
    expect_refused(WORDS("--log-level", "loud"), "debug, info, warn, error or off");
    expect_refused(WORDS("--log-format", "xml"), "text or json");
    expect_refused(WORDS("--zookeeper", "a:1", "--peers", "1=b:1"), "say one of them");
    expect_refused(WORDS("--heartbeat-ms", "100", "--election-ms", "299"), "at least 3 times");
    expect_taken(WORDS("--heartbeat-ms", "100", "--election-ms", "300"));
    expect_refused(WORDS("--data", ""), "name a directory");
    expect_refused(WORDS("--request-deadline-ms", "60001"), "--request-deadline-ms");
}

static void test_addresses_are_host_and_port(void **state) {
    (void)state;
    static const char *const malformed[] = {"localhost", ":8000", "a:",      "a:x",
                                            "a:80x",     "a:-1",  "a:65536", "a:99999999999999999999"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        expect_refused(WORDS("--listen", malformed[i]), "write host:port");
        expect_refused(WORDS("--peer-listen", malformed[i]), "--peer-listen");
    }
    expect_taken(WORDS("--listen", "localhost:0", "--peer-listen", "10.0.0.1:65535"));
    char host[HOST_SIZE_MAX + 8];
    memset(host, 'h', sizeof host);
    memcpy(host + HOST_SIZE_MAX, ":1", 3);
    expect_taken(WORDS("--listen", host));
    memcpy(host + HOST_SIZE_MAX, "h:1", 4);
    expect_refused(WORDS("--listen", host), "write host:port");
}

static void expect_advertised(const char *advertise, const char *listen, const char *expected) {
    char address[ADDRESS_SIZE_MAX];
    struct error error;
    if (config_advertised(advertise, listen, 4711, address, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_string_equal(address, expected);
}

static void expect_not_advertised(const char *advertise, const char *listen) {
    char address[ADDRESS_SIZE_MAX] = "as before";
    struct error error = {.message = ""};
    assert_int_equal(config_advertised(advertise, listen, 4711, address, &error), STATUS_INVALID);
    assert_non_null(strstr(error.message, "--advertise"));
    assert_string_equal(address, "as before");
}

static void test_others_are_told_what_they_can_reach(void **state) {
    (void)state;
    /* The port is the one that the kernel chose, unless another is told. */
    expect_advertised("", "10.0.0.1:0", "10.0.0.1:4711");
    expect_advertised("broker-1", "0.0.0.0:0", "broker-1:4711");
    expect_advertised("broker-1:80", "0.0.0.0:8000", "broker-1:80");
    expect_not_advertised("", "0.0.0.0:8000");
    expect_not_advertised("0.0.0.0", "10.0.0.1:8000");
    expect_not_advertised("broker-1:0", "10.0.0.1:8000");
    expect_not_advertised("broker-1:", "10.0.0.1:8000");
    expect_not_advertised("broker-1:80x", "10.0.0.1:8000");
    expect_not_advertised("broker-1: 80", "10.0.0.1:8000");
    expect_not_advertised("broker-1:65536", "10.0.0.1:8000");
    expect_not_advertised(":80", "10.0.0.1:8000");
}

/* What --check-config prints is a file for --config. */
static void test_what_is_printed_can_be_read(void **state) {
    (void)state;
    char path[] = "/tmp/aviary-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    struct options first;
    struct options second;
    read_options(WORDS("--id", "5", "--peers", "5=a:1,6=b:2"), &first);
    config_print(&first, out);
    fclose(out);
    read_options(WORDS("--config", path), &second);
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (i != OPTION_CONFIG) {
            assert_string_equal(options_text(&first, (enum option_id)i),
                                options_text(&second, (enum option_id)i));
            assert_string_equal(second.from[i], "file");
        }
    }
    options_finish(&first);
    options_finish(&second);
    remove(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_a_broker_alone),
        cmocka_unit_test(test_what_cannot_work_is_refused),
        cmocka_unit_test(test_addresses_are_host_and_port),
        cmocka_unit_test(test_others_are_told_what_they_can_reach),
        cmocka_unit_test(test_what_is_printed_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
