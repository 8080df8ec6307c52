/* Bodies: whole or not at all, and never for longer than they may take. */
#include "aviary/base/clock.h"
#include "http_raw.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define POST(length) "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: " length "\r\n\r\n"
#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

enum { DEADLINE_MS = 2000, BODY_MAX = 4 * 1024 * 1024 };

static struct http_server *server;
static atomic_uint handled;
static char answer[RAW_ANSWER_MAX];

static void check_body(void *context, struct http_request *request, struct http_response *response) {
    uint64_t sum = 0;
    (void)context;
    atomic_fetch_add(&handled, 1);
    assert_int_equal(request->body.size, request->content_length);
    for (size_t i = 0; i < request->body.size; i++) {
        sum += (i + 1) * request->body.data[i];
    }
    buffer_append_format(http_response_body(response), "%zu %lu", request->body.size, sum);
}

static int start(void **state) {
    (void)state;
    struct http_server_options options = {
        .connections_max = 3, .body_bytes_max = BODY_MAX, .body_deadline_ms = DEADLINE_MS};
    server = raw_server(&options, check_body, NULL);
    return 0;
}

static int stop(void **state) {
    (void)state;
    http_server_destroy(server);
    return 0;
}

/* The connections of the test before are gone, so that all three are free. */
static int reset(void **state) {
    struct http_server_counters counters;
    (void)state;
    do {
        usleep(1000);
        http_server_counters(server, &counters);
    } while (counters.connections > 0);
    atomic_store(&handled, 0);
    return 0;
}

/* Sends `size` bytes in parts of `part`, and expects their sum back. */
static void post(size_t size, size_t part, bool head_alone) {
    char head[128];
    char expected[64];
    uint64_t sum = 0;
    uint8_t *body = malloc(size + 1);
    assert_non_null(body);
    for (size_t i = 0; i < size; i++) {
        body[i] = (uint8_t)(i * 7 + i / 251);
        sum += (i + 1) * body[i];
    }
    snprintf(expected, sizeof expected, "%zu %lu", size, sum);
    snprintf(head, sizeof head, "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size);
    int fd = raw_connect(http_server_port(server));
    for (int round = 0; round < 2; round++) {
        raw_send_text(fd, head);
        if (head_alone) {
            usleep(20000);
        }
        for (size_t at = 0; at < size; at += part) {
            raw_send(fd, body + at, size - at < part ? size - at : part);
        }
        assert_true(raw_receive(fd, answer));
        assert_int_equal(raw_status(answer), 200);
        assert_string_equal(raw_body(answer), expected);
    }
    close(fd);
    free(body);
}

static void reads_all_sizes(void **state) {
    static const size_t sizes[] = {0, 1, 100, 4095, 4096, 4097, 40000, 1024 * 1024 + 1, BODY_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        post(sizes[i], sizes[i] + 1, false);
        post(sizes[i], 1024 * 1024, true);
    }
    post(100, 1, false);
    post(20000, 1000, true);
}

static void too_large_is_told(void **state) {
    static char part[64 * 1024];
    (void)state;
    raw_expect(http_server_port(server), POST("4194305"), 413, true);
    /* To one who goes on sending as well: a reset could overtake the answer. */
    int fd = raw_connect(http_server_port(server));
    raw_send_text(fd, POST("10000000"));
    for (int i = 0; i < 20; i++) {
        assert_true(send(fd, part, sizeof part, MSG_NOSIGNAL) > 0);
        usleep(1000);
    }
    assert_true(raw_receive(fd, answer));
    assert_int_equal(raw_status(answer), 413);
    close(fd);
    assert_int_equal(atomic_load(&handled), 0);
}

/* Waits for 408 while sending a byte every `interval_ms`; returns how long it took. */
static uint64_t dribble(int fd, int interval_ms) {
    uint64_t before_ms = clock_monotonic_ms();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (poll(&wait, 1, interval_ms) == 0) {
        raw_send_text(fd, "a");
        assert_true(clock_monotonic_ms() - before_ms < RAW_WAIT_MS);
    }
    assert_true(raw_receive(fd, answer));
    assert_int_equal(raw_status(answer), 408);
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    assert_true(raw_is_closed(fd));
    return clock_monotonic_ms() - before_ms;
}

static void slow_bodies_end(void **state) {
    int fds[3];
    (void)state;
    for (int i = 0; i < 3; i++) { /* all the server takes */
        fds[i] = raw_connect(http_server_port(server));
        raw_send_text(fds[i], POST("1000000"));
    }
    uint64_t took_ms = dribble(fds[0], 1500);
    assert_in_range(took_ms, DEADLINE_MS - 100, DEADLINE_MS + 1000);
    for (int i = 1; i < 3; i++) {
        assert_true(raw_receive(fds[i], answer)); /* stalled: not a byte */
        assert_int_equal(raw_status(answer), 408);
    }
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    assert_int_equal(atomic_load(&handled), 0);
    usleep(200000);
    raw_expect(http_server_port(server), GET, 200, false); /* the threads are free again */
}

static void fast_dribble_ends_too(void **state) {
    (void)state;
    int fd = raw_connect(http_server_port(server));
    raw_send_text(fd, POST("1000000"));
    assert_in_range(dribble(fd, 10), DEADLINE_MS - 100, DEADLINE_MS + 1000);
    close(fd);
    assert_int_equal(atomic_load(&handled), 0);
}

static void slow_rate_ends_before_the_deadline(void **state) {
    (void)state;
    struct http_server_options options = {.connections_max = 3, .body_deadline_ms = 60000};
    struct http_server *patient = raw_server(&options, check_body, NULL);
    int fd = raw_connect(http_server_port(patient));
    raw_send_text(fd, POST("1000"));
    assert_in_range(dribble(fd, 300), HTTP_BODY_RATE_GRACE_MS, HTTP_BODY_RATE_GRACE_MS + 2000);
    close(fd);
    http_server_destroy(patient);
    assert_int_equal(atomic_load(&handled), 0);
}

static void truncated_bodies_reach_no_handler(void **state) {
    (void)state;
    int fd = raw_connect(http_server_port(server));
    raw_send_text(fd, POST("10") "abc");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_true(raw_receive(fd, answer));
    assert_int_equal(raw_status(answer), 400);
    assert_true(raw_is_closed(fd));
    close(fd);

    fd = raw_connect(http_server_port(server));
    raw_send_text(fd, POST("100000") "abc");
    close(fd);
    raw_expect(http_server_port(server), GET, 200, false);
    assert_int_equal(atomic_load(&handled), 1); /* the GET */
}

static void expectation_is_met(void **state) {
    static const char head[] =
        "POST /b HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n";
    (void)state;
    int fd = raw_connect(http_server_port(server));
    for (int i = 0; i < 2; i++) {
        raw_send_text(fd, head);
        assert_true(raw_receive_head(fd, answer));
        assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
        raw_send_text(fd, "hello");
        assert_true(raw_receive(fd, answer));
        assert_int_equal(raw_status(answer), 200);
        assert_memory_equal(raw_body(answer), "5 ", 2);
    }
    close(fd);
    /* Refused at once, so that the body is never sent. */
    raw_expect(http_server_port(server),
               "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n", 413,
               true);
    /* HTTP/1.0 knows no 100. */
    raw_expect(http_server_port(server),
               "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na", 200, true);
}

enum { SHARE = HTTP_BODIES_BYTES_MAX / 4, CHUNK = 1024 * 1024, MEDIUM = 100000 };

/* A body of MEDIUM bytes, whole; the status that it gets. */
static unsigned send_medium(uint16_t port) {
    static char body[MEDIUM];
    int fd = raw_connect(port);
    raw_send_text(fd, POST("100000"));
    (void)!send(fd, body, sizeof body, MSG_NOSIGNAL); /* refused, it may not be taken to its end */
    assert_true(raw_receive(fd, answer));
    close(fd);
    return raw_status(answer);
}

static void await_status(uint16_t port, unsigned status) {
    uint64_t deadline_ms = clock_monotonic_ms() + RAW_WAIT_MS;
    while (send_medium(port) != status) {
        assert_true(clock_monotonic_ms() < deadline_ms);
    }
}

/* What has come of bodies counts, not what was announced, so that many large ones cannot take all memory. */
static void bodies_share_a_budget(void **state) {
    static char chunk[CHUNK];
    int fds[4];
    (void)state;
    struct http_server_options options = {.connections_max = 8, .body_bytes_max = SHARE};
    struct http_server *large = raw_server(&options, check_body, NULL);
    uint16_t port = http_server_port(large);
    for (int i = 0; i < 4; i++) {
        fds[i] = raw_connect(port);
        raw_send_text(fds[i], "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                              "Content-Length: 67108864\r\n\r\n");
        assert_true(raw_receive_head(fds[i], answer)); /* it waits for the body now */
    }
    assert_int_equal(send_medium(port), 200);
    for (size_t sent = 0; sent < SHARE - CHUNK; sent += CHUNK) {
        for (int i = 0; i < 4; i++) {
            assert_int_equal(send(fds[i], chunk, CHUNK, MSG_NOSIGNAL), CHUNK);
        }
    }
    await_status(port, 503);
    raw_expect(port, POST("5") "small", 200, false);
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
    await_status(port, 200);
    http_server_destroy(large);
}

static void stopping_ends_reads(void **state) {
    (void)state;
    struct http_server_options options = {.connections_max = 3, .body_deadline_ms = 60000};
    struct http_server *stopped = raw_server(&options, check_body, NULL);
    int fd = raw_connect(http_server_port(stopped));
    raw_send_text(fd, POST("1000000") "abc");
    usleep(100000);
    uint64_t before_ms = clock_monotonic_ms();
    http_server_destroy(stopped);
    assert_true(clock_monotonic_ms() - before_ms < HTTP_STOP_GRACE_MS + 1000);
    close(fd);
    assert_int_equal(atomic_load(&handled), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_all_sizes, reset),
        cmocka_unit_test_setup(too_large_is_told, reset),
        cmocka_unit_test_setup(slow_bodies_end, reset),
        cmocka_unit_test_setup(fast_dribble_ends_too, reset),
        cmocka_unit_test_setup(slow_rate_ends_before_the_deadline, reset),
        cmocka_unit_test_setup(truncated_bodies_reach_no_handler, reset),
        cmocka_unit_test_setup(expectation_is_met, reset),
        cmocka_unit_test_setup(bodies_share_a_budget, reset),
        cmocka_unit_test_setup(stopping_ends_reads, reset),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
