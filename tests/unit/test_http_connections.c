/* Connections: kept, pipelined, idle in great number, above the limit, and the end of all of them. */
#include "aviary/base/clock.h"
#include "aviary/base/thread.h"
#include "http_raw.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

enum { MANY = 1000, PIPELINED = 100, STOP_MS_MAX = 1000 };

static char answer[RAW_ANSWER_MAX];

static void ask(int fd, const char *text, unsigned status) {
    raw_send_text(fd, text);
    assert_true(raw_receive(fd, answer));
    assert_int_equal(raw_status(answer), status);
}

static struct http_server_counters counters_of(const struct http_server *server) {
    struct http_server_counters counters;
    http_server_counters(server, &counters);
    return counters;
}

/* A server learns of a closed connection a moment later. */
static void await_connections(const struct http_server *server, uint64_t count) {
    uint64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;
    while (counters_of(server).connections != count && clock_monotonic_ms() < deadline_ms) {
        usleep(1000);
    }
    assert_int_equal(counters_of(server).connections, count);
}

static void keeps_connections(void **state) {
    (void)state;
    struct http_server *server = raw_server(NULL, raw_echo, NULL);
    int fd = raw_connect(http_server_port(server));
    for (int i = 0; i < 10; i++) {
        ask(fd, "POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 200);
        assert_string_equal(raw_body(answer), "POST [a][b] {c=d} hello");
        assert_null(strstr(answer, "Connection:"));
    }
    assert_int_equal(counters_of(server).connections, 1);
    assert_int_equal(counters_of(server).requests, 10);
    assert_int_equal(counters_of(server).bytes_received, 50);
    assert_true(counters_of(server).bytes_sent > 10 * strlen(answer) - 1);
    close(fd);
    await_connections(server, 0);
    http_server_destroy(server);
}

static void closes_when_asked(void **state) {
    (void)state;
    struct http_server *server = raw_server(NULL, raw_echo, NULL);
    uint16_t port = http_server_port(server);
    raw_expect(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, true);
    raw_expect(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: TE, close\r\nTE: trailers\r\n\r\n", 200, true);
    raw_expect(port, "GET / HTTP/1.0\r\n\r\n", 200, true);
    raw_expect(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200,
               true);
    int fd = raw_connect(port);
    for (int i = 0; i < 2; i++) {
        ask(fd, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200);
        assert_non_null(strstr(answer, "Connection: keep-alive\r\n"));
    }
    close(fd);
    http_server_destroy(server);
}

static void answers_pipelined_requests_in_order(void **state) {
    char text[PIPELINED * 80];
    size_t size = 0;
    (void)state;
    struct http_server *server = raw_server(NULL, raw_echo, NULL);
    for (int i = 0; i < PIPELINED; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size,
                                 "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d", i);
    }
    int fd = raw_connect(http_server_port(server));
    raw_send(fd, text, size);
    for (int i = 0; i < PIPELINED; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "POST [p]  %03d", i);
        assert_true(raw_receive(fd, answer));
        assert_string_equal(raw_body(answer), expected);
    }
    close(fd);
    http_server_destroy(server);
}

static void raise_file_limit(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void idle_connections_stop_nobody(void **state) {
    static int idle[MANY];
    (void)state;
    raise_file_limit();
    struct http_server_options options = {.connections_max = MANY + 10};
    struct http_server *server = raw_server(&options, raw_echo, NULL);
    for (int i = 0; i < MANY; i++) {
        idle[i] = raw_connect(http_server_port(server));
        ask(idle[i], GET, 200);
    }
    assert_int_equal(counters_of(server).connections, MANY);
    uint64_t before_ms = clock_monotonic_ms();
    raw_expect(http_server_port(server), GET, 200, false);
    assert_true(clock_monotonic_ms() - before_ms < 1000);
    ask(idle[0], GET, 200);
    ask(idle[MANY - 1], GET, 200);
    before_ms = clock_monotonic_ms();
    http_server_destroy(server);
    assert_true(clock_monotonic_ms() - before_ms < STOP_MS_MAX);
    for (int i = 0; i < MANY; i++) {
        assert_true(raw_is_closed(idle[i]));
        close(idle[i]);
    }
}

static void surplus_is_told(void **state) {
    int taken[2];
    (void)state;
    struct http_server_options options = {.connections_max = 2};
    struct http_server *server = raw_server(&options, raw_echo, NULL);
    uint16_t port = http_server_port(server);
    for (int i = 0; i < 2; i++) {
        taken[i] = raw_connect(port);
        ask(taken[i], GET, 200);
    }
    int fd = raw_connect(port);
    ask(fd, GET, 503);
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
    assert_true(raw_is_closed(fd));
    close(fd);
    raw_expect(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc", 503, true);
    assert_int_equal(counters_of(server).connections_surplus, 2);
    assert_int_equal(counters_of(server).requests_refused, 2);

    close(taken[1]);
    await_connections(server, 1);
    raw_expect(port, GET, 200, false);
    close(taken[0]);
    http_server_destroy(server);
}

/* More silent ones than there are threads: they must not hold those for the time that a head may take. */
static void silent_surplus_is_closed(void **state) {
    int silent[100];
    (void)state;
    struct http_server_options options = {.connections_max = 2};
    struct http_server *server = raw_server(&options, raw_echo, NULL);
    for (size_t i = 0; i < 100; i++) {
        silent[i] = raw_connect(http_server_port(server));
    }
    uint64_t before_ms = clock_monotonic_ms();
    for (size_t i = 2; i < 100; i++) {
        assert_true(raw_is_closed(silent[i]));
    }
    /* Held for that time, they would need the threads three times over. */
    assert_true(clock_monotonic_ms() - before_ms < 2 * HTTP_HEAD_DEADLINE_MS);
    ask(silent[1], GET, 200);
    for (size_t i = 0; i < 100; i++) {
        close(silent[i]);
    }
    http_server_destroy(server);
}

static void idle_connections_end(void **state) {
    (void)state;
    struct http_server_options options = {.connections_max = 4, .idle_timeout_ms = 200};
    struct http_server *server = raw_server(&options, raw_echo, NULL);
    int fd = raw_connect(http_server_port(server));
    ask(fd, GET, 200);
    uint64_t before_ms = clock_monotonic_ms();
    assert_true(raw_is_closed(fd));
    assert_in_range(clock_monotonic_ms() - before_ms, 100, 2000);
    close(fd);
    http_server_destroy(server);
}

static void wait_for_stop(void *context, struct http_request *request, struct http_response *response) {
    atomic_fetch_add((atomic_uint *)context, 1);
    while (!http_request_is_stopping(request)) {
        usleep(10000);
    }
    http_response_set_status(response, 202);
}

static void stopping_answers_those_who_wait(void **state) {
    atomic_uint waiting = 0;
    (void)state;
    struct http_server *server = raw_server(NULL, wait_for_stop, &waiting);
    int idle = raw_connect(http_server_port(server));
    int fd = raw_connect(http_server_port(server));
    raw_send_text(fd, GET);
    while (atomic_load(&waiting) == 0) {
        usleep(1000);
    }
    uint64_t before_ms = clock_monotonic_ms();
    assert_false(http_server_is_stopping(server));
    http_server_stop_accepting(server);
    assert_true(http_server_is_stopping(server));
    assert_true(raw_receive(fd, answer));
    assert_int_equal(raw_status(answer), 202);
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    assert_true(raw_is_closed(fd));
    ask(idle, GET, 503);
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
    raw_expect(http_server_port(server), GET, 503, true);
    http_server_destroy(server);
    assert_true(clock_monotonic_ms() - before_ms < STOP_MS_MAX);
    close(fd);
    close(idle);
}

static void destroying_answers_too(void **state) {
    atomic_uint waiting = 0;
    (void)state;
    struct http_server *server = raw_server(NULL, wait_for_stop, &waiting);
    int fd = raw_connect(http_server_port(server));
    raw_send_text(fd, GET);
    while (atomic_load(&waiting) == 0) {
        usleep(1000);
    }
    http_server_destroy(server);
    assert_true(raw_receive(fd, answer));
    assert_int_equal(raw_status(answer), 202);
    close(fd);
}

static void bad_addresses_are_named(void **state) {
    static const char *const bad[] = {"",    "8000", ":8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                      "x:1a"};
    struct http_server *server = raw_server(NULL, raw_echo, NULL);
    struct http_server *second = NULL;
    struct error error;
    char taken[32];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_server_options options = {.listen = bad[i], .connections_max = 1};
        assert_int_equal(http_server_create(&options, raw_echo, NULL, &second, &error), STATUS_INVALID);
    }
    snprintf(taken, sizeof taken, "localhost:%u", http_server_port(server));
    struct http_server_options options = {.listen = taken, .connections_max = 1};
    assert_int_equal(http_server_create(&options, raw_echo, NULL, &second, &error), STATUS_UNAVAILABLE);
    assert_non_null(strstr(error.message, "Address already in use"));
    options.connections_max = HTTP_CONNECTIONS_MAX + 1;
    assert_int_equal(http_server_create(&options, raw_echo, NULL, &second, &error), STATUS_INVALID);
    assert_null(second);
    http_server_destroy(server);
    http_server_destroy(NULL);
}

/* A broker has one for clients and one for peers. */
static void two_servers_live_side_by_side(void **state) {
    atomic_uint calls[2] = {0, 0};
    (void)state;
    struct http_server *first = raw_server(NULL, raw_echo, &calls[0]);
    struct http_server *second = raw_server(NULL, raw_echo, &calls[1]);
    raw_expect(http_server_port(first), GET, 200, false);
    raw_expect(http_server_port(second), GET, 200, false);
    raw_expect(http_server_port(second), GET, 200, false);
    http_server_destroy(first);
    raw_expect(http_server_port(second), GET, 200, false);
    http_server_destroy(second);
    assert_int_equal(atomic_load(&calls[0]), 1);
    assert_int_equal(atomic_load(&calls[1]), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_connections),
        cmocka_unit_test(closes_when_asked),
        cmocka_unit_test(answers_pipelined_requests_in_order),
        cmocka_unit_test(idle_connections_stop_nobody),
        cmocka_unit_test(surplus_is_told),
        cmocka_unit_test(silent_surplus_is_closed),
        cmocka_unit_test(idle_connections_end),
        cmocka_unit_test(stopping_answers_those_who_wait),
        cmocka_unit_test(destroying_answers_too),
        cmocka_unit_test(bad_addresses_are_named),
        cmocka_unit_test(two_servers_live_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
