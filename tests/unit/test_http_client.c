/* The client: what it sends, what it makes of answers, and above all what its failures say of the far side.
 */
#include "aviary/base/clock.h"
#include "aviary/base/thread.h"
#include "aviary/http/client.h"
#include "http_raw.h"

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

enum { THREADS = 8, REQUESTS_EACH = 100 };

static struct http_client *client;
static struct http_client_response response;
static struct error error;
static char authority[32];

static int start(void **state) {
    (void)state;
    return http_client_create(&client) == STATUS_OK ? 0 : -1;
}

static int stop(void **state) {
    (void)state;
    http_client_destroy(client);
    http_client_destroy(NULL);
    return 0;
}

static int init(void **state) {
    (void)state;
    http_client_response_init(&response, 4096);
    return 0;
}

static int finish(void **state) {
    (void)state;
    http_client_response_finish(&response);
    return 0;
}

static struct http_client_request request_to(uint16_t port, enum http_method method, const char *target,
                                             const char *body) {
    snprintf(authority, sizeof authority, "127.0.0.1:%u", port);
    return (struct http_client_request){
        .method = method,
        .authority = authority,
        .target = target,
        .body = slice_of_string(body),
        .timeout_ms = 5000,
        .resend_allowed = true,
    };
}

static enum status perform(const struct http_client_request *request) {
    return http_client_perform(client, request, &response, &error);
}

static void expect_body(const char *text) {
    assert_int_equal(response.body.size, strlen(text));
    assert_memory_equal(response.body.data, text, response.body.size);
}

static void asks_with_every_method(void **state) {
    static const enum http_method methods[] = {HTTP_METHOD_GET,   HTTP_METHOD_POST,   HTTP_METHOD_PUT,
                                               HTTP_METHOD_PATCH, HTTP_METHOD_DELETE, HTTP_METHOD_OPTIONS};
    (void)state;
    struct http_server *server = raw_server(NULL, raw_echo, NULL);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        bool is_get = methods[i] == HTTP_METHOD_GET;
        char expected[64];
        struct http_client_request request =
            request_to(http_server_port(server), methods[i], "/a%2Fb/..%2f?k=1", is_get ? "" : "hello");
        assert_int_equal(perform(&request), STATUS_OK);
        assert_int_equal(response.status, 200);
        snprintf(expected, sizeof expected, "%s [a/b][../] {k=1} %s", http_method_name(methods[i]),
                 is_get ? "" : "hello");
        expect_body(expected);
    }
    http_server_destroy(server);
}

static void echo_headers(void *context, struct http_request *request, struct http_response *answer) {
    (void)context;
    struct buffer *body = http_response_body(answer);
    for (size_t i = 0; i < request->header_count; i++) {
        buffer_append_slice(body, request->headers[i].name);
        buffer_append_string(body, "=");
        buffer_append_slice(body, request->headers[i].value);
        buffer_append_string(body, ";");
    }
    http_response_set_status(answer, 404);
    http_response_header(answer, "X-Raft-Term", "7");
}

static void headers_travel_both_ways(void **state) {
    const struct http_pair headers[] = {
        {slice_of_string("Idempotency-Key"), slice_of_string("k-1")},
        {slice_of_string("X-Empty"), slice_of_string("")},
        {slice_of_string("Content-Type"), slice_of_string("a/b")},
    };
    struct slice value;
    (void)state;
    struct http_server *server = raw_server(NULL, echo_headers, NULL);
    struct http_client_request request = request_to(http_server_port(server), HTTP_METHOD_POST, "/", "hello");
    request.headers = headers;
    request.header_count = 3;
    assert_int_equal(perform(&request), STATUS_OK);
    assert_int_equal(response.status, 404);
    buffer_append(&response.body, "", 1);
    const char *seen = (const char *)response.body.data;
    assert_non_null(strstr(seen, "Idempotency-Key=k-1;"));
    assert_non_null(strstr(seen, "X-Empty=;"));
    assert_non_null(strstr(seen, "Content-Type=a/b;"));
    assert_non_null(strstr(seen, "Content-Length=5;"));
    assert_null(strstr(seen, "Expect"));
    assert_true(http_client_header(&response, "x-raft-term", &value));
    assert_true(slice_equal(value, slice_of_string("7")));
    assert_false(http_client_header(&response, "X-Raft", &value));

    request.header_count = 0;
    assert_int_equal(perform(&request), STATUS_OK);
    buffer_append(&response.body, "", 1);
    assert_null(strstr((const char *)response.body.data, "Content-Type"));
    http_server_destroy(server);
}

static uint64_t ports_seen(const struct http_server *server) {
    struct http_server_counters counters;
    http_server_counters(server, &counters);
    return counters.connections;
}

static void echo_port(void *context, struct http_request *request, struct http_response *answer) {
    (void)context;
    buffer_append_decimal(http_response_body(answer), request->peer_port);
}

static void keeps_its_connection(void **state) {
    char first[16] = "";
    (void)state;
    struct http_server *server = raw_server(NULL, echo_port, NULL);
    for (int i = 0; i < 5; i++) {
        struct http_client_request request = request_to(http_server_port(server), HTTP_METHOD_POST, "/", "a");
        assert_int_equal(perform(&request), STATUS_OK);
        if (i == 0) {
            memcpy(first, response.body.data, response.body.size);
        }
        expect_body(first);
    }
    assert_int_equal(ports_seen(server), 1);
    /* One that must not be sent twice gets a connection that was never used. */
    struct http_client_request once = request_to(http_server_port(server), HTTP_METHOD_POST, "/", "a");
    once.resend_allowed = false;
    assert_int_equal(perform(&once), STATUS_OK);
    assert_false(slice_equal(buffer_slice(&response.body), slice_of_string(first)));
    http_server_destroy(server);
}

static void no_connection_means_nothing_was_sent(void **state) {
    uint16_t port;
    (void)state;
    close(raw_listen(&port));
    struct http_client_request request = request_to(port, HTTP_METHOD_POST, "/", "a");
    assert_int_equal(perform(&request), STATUS_UNAVAILABLE);
    assert_non_null(strstr(error.message, authority));
    request.authority = "no-such-host.invalid:1";
    assert_int_equal(perform(&request), STATUS_UNAVAILABLE);
}

static void refuses_what_cannot_be_sent(void **state) {
    const struct http_pair bad = {slice_of_string("A"), slice_of_string("b\r\nC: d")};
    const struct http_pair many[HTTP_HEADERS_MAX] = {bad};
    (void)state;
    struct http_client_request request = request_to(1, HTTP_METHOD_POST, "/", "a");
    request.headers = &bad;
    request.header_count = 1;
    assert_int_equal(perform(&request), STATUS_INVALID);
    request.headers = many;
    request.header_count = HTTP_HEADERS_MAX;
    assert_int_equal(perform(&request), STATUS_INVALID);
    request.header_count = 0;
    request.target = "/a b";
    assert_int_equal(perform(&request), STATUS_INVALID);
    request.target = "a";
    assert_int_equal(perform(&request), STATUS_INVALID);
    request.target = "/";
    request.authority = "user@host:1";
    assert_int_equal(perform(&request), STATUS_INVALID);
    request.authority = "";
    assert_int_equal(perform(&request), STATUS_INVALID);
    request = request_to(1, HTTP_METHOD_GET, "/", "body");
    assert_int_equal(perform(&request), STATUS_INVALID);
}

/* A peer that takes requests, counts them, and then does what the test says. */
struct peer {
    int listener;
    uint16_t port;
    atomic_uint requests;
    const char *answer;       /* NULL: none */
    unsigned answered;        /* requests that get it; the others find the connection closed */
    atomic_bool closes;       /* ends the connection behind the answer */
    struct thread threads[2]; /* so that a second connection need not wait for the first to end */
};

/* Takes one request of which the body is one byte; false where the connection ended. */
static bool take_request(int fd) {
    static _Thread_local char head[RAW_ANSWER_MAX];
    char body;
    return raw_receive_head(fd, head) && recv(fd, &body, 1, MSG_WAITALL) == 1;
}

static void run_peer(void *argument) {
    struct peer *peer = argument;
    for (;;) {
        int fd = accept(peer->listener, NULL, NULL);
        if (fd < 0) {
            return; /* the test shut the listener down */
        }
        while (take_request(fd)) {
            if (atomic_fetch_add(&peer->requests, 1) >= peer->answered) {
                break;
            }
            raw_send_text(fd, peer->answer);
            if (atomic_load(&peer->closes)) {
                break;
            }
        }
        close(fd);
    }
}

static void start_peer(struct peer *peer, const char *answer, unsigned answered) {
    *peer = (struct peer){.answer = answer, .answered = answered};
    peer->listener = raw_listen(&peer->port);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(thread_start(&peer->threads[i], "peer", run_peer, peer, NULL), STATUS_OK);
    }
}

/* Also ends the client's kept connections, on which a thread of the peer may wait. */
static void stop_peer(struct peer *peer) {
    http_client_destroy(client);
    assert_int_equal(http_client_create(&client), STATUS_OK);
    shutdown(peer->listener, SHUT_RDWR);
    for (size_t i = 0; i < 2; i++) {
        thread_join(&peer->threads[i]);
    }
    close(peer->listener);
}

static void a_lost_answer_is_unknown(void **state) {
    struct peer peer;
    (void)state;
    start_peer(&peer, NULL, 0);
    struct http_client_request request = request_to(peer.port, HTTP_METHOD_POST, "/", "a");
    assert_int_equal(perform(&request), STATUS_UNKNOWN);
    request.resend_allowed = false;
    assert_int_equal(perform(&request), STATUS_UNKNOWN);
    stop_peer(&peer);
    assert_int_equal(atomic_load(&peer.requests), 2);
}

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* The trap: the far side takes a request on a kept connection and dies, and libcurl sends it once more. */
static void only_the_allowed_are_sent_again(void **state) {
    struct peer peer;
    (void)state;
    start_peer(&peer, GOOD, 1);
    struct http_client_request request = request_to(peer.port, HTTP_METHOD_POST, "/", "a");
    assert_int_equal(perform(&request), STATUS_OK);
    request.resend_allowed = false;
    assert_int_equal(perform(&request), STATUS_UNKNOWN);
    assert_int_equal(atomic_load(&peer.requests), 2);
    stop_peer(&peer);

    start_peer(&peer, GOOD, 1);
    request = request_to(peer.port, HTTP_METHOD_POST, "/", "a");
    assert_int_equal(perform(&request), STATUS_OK);
    assert_int_equal(perform(&request), STATUS_UNKNOWN);
    assert_int_equal(atomic_load(&peer.requests), 3); /* arrived twice */
    stop_peer(&peer);
}

static void half_an_answer_is_unknown(void **state) {
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "SMTP ready\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct peer peer;
        start_peer(&peer, answers[i], 1);
        struct http_client_request request = request_to(peer.port, HTTP_METHOD_POST, "/", "a");
        request.timeout_ms = 300;
        assert_int_equal(perform(&request), STATUS_UNKNOWN);
        stop_peer(&peer);
    }
}

/* Where the connection ends, libcurl takes for whole what it has of the head, and a body of unknown length.
 */
static void an_answer_cut_off_is_unknown(void **state) {
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nX-High-Watermark: 7\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-High-Wat",
        "HTTP/1.1 200 OK\r\nX-High-Watermark: 7\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct peer peer;
        start_peer(&peer, answers[i], 1);
        atomic_store(&peer.closes, true);
        struct http_client_request request = request_to(peer.port, HTTP_METHOD_POST, "/", "a");
        assert_int_equal(perform(&request), STATUS_UNKNOWN);
        stop_peer(&peer);
    }
}

static void an_answer_too_late_is_unknown(void **state) {
    uint16_t port;
    (void)state;
    int listener = raw_listen(&port); /* the kernel connects and takes the bytes, nobody answers */
    struct http_client_request request = request_to(port, HTTP_METHOD_POST, "/", "a");
    request.timeout_ms = 300;
    uint64_t before_ms = clock_monotonic_ms();
    assert_int_equal(perform(&request), STATUS_UNKNOWN);
    assert_in_range(clock_monotonic_ms() - before_ms, 250, 1500);
    close(listener);
}

static bool is_unwanted_soon(void *context) {
    uint64_t *until_ms = context;
    return clock_monotonic_ms() >= *until_ms;
}

static void an_answer_no_longer_wanted_is_unknown(void **state) {
    uint16_t port;
    (void)state;
    int listener = raw_listen(&port);
    uint64_t before_ms = clock_monotonic_ms();
    uint64_t until_ms = before_ms + 100;
    struct http_client_request request = request_to(port, HTTP_METHOD_POST, "/", "a");
    request.is_unwanted = is_unwanted_soon;
    request.context = &until_ms;
    assert_int_equal(perform(&request), STATUS_UNKNOWN);
    assert_in_range(clock_monotonic_ms() - before_ms, 100, 1500);
    close(listener);
}

/* A full backlog drops further SYNs: the connection never comes about. */
static void no_connection_in_time_is_a_timeout(void **state) {
    uint16_t port;
    (void)state;
    int listener = raw_listen(&port);
    assert_int_equal(listen(listener, 0), 0);
    int filler = raw_connect(port);
    struct http_client_request request = request_to(port, HTTP_METHOD_POST, "/", "a");
    request.timeout_ms = 300;
    uint64_t before_ms = clock_monotonic_ms();
    assert_int_equal(perform(&request), STATUS_TIMEOUT);
    request.timeout_ms = 5000;
    request.connect_timeout_ms = 300;
    assert_int_equal(perform(&request), STATUS_TIMEOUT);
    assert_true(clock_monotonic_ms() - before_ms < 3000);
    close(filler);
    close(listener);
}

static void answer_large(void *context, struct http_request *request, struct http_response *answer) {
    (void)context;
    struct buffer *body = http_response_body(answer);
    size_t size = request->body.size == 1 ? 4096 : 4097;
    memset(buffer_extend(body, size), 'x', size);
}

static void large_answers_are_bounded(void **state) {
    (void)state;
    struct http_server *server = raw_server(NULL, answer_large, NULL);
    struct http_client_request request = request_to(http_server_port(server), HTTP_METHOD_POST, "/", "1");
    assert_int_equal(perform(&request), STATUS_OK);
    assert_int_equal(response.body.size, 4096);
    request.body = slice_of_string("22");
    assert_int_equal(perform(&request), STATUS_TOO_LARGE);
    http_server_destroy(server);
}

static void redirects_are_not_followed(void **state) {
    struct slice location;
    struct peer peer;
    (void)state;
    start_peer(&peer, "HTTP/1.1 307 See\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 1);
    struct http_client_request request = request_to(peer.port, HTTP_METHOD_POST, "/", "a");
    assert_int_equal(perform(&request), STATUS_OK);
    assert_int_equal(response.status, 307);
    assert_true(http_client_header(&response, "Location", &location));
    stop_peer(&peer);
}

static void ask_many(void *argument) {
    struct http_client_response mine;
    char expected[64];
    http_client_response_init(&mine, 4096);
    for (int i = 0; i < REQUESTS_EACH; i++) {
        char target[32];
        snprintf(target, sizeof target, "/%p", argument);
        struct http_client_request request = {.method = HTTP_METHOD_POST,
                                              .authority = authority,
                                              .target = target,
                                              .body = slice_of_string("b"),
                                              .timeout_ms = 5000,
                                              .resend_allowed = true};
        assert_int_equal(http_client_perform(client, &request, &mine, NULL), STATUS_OK);
        snprintf(expected, sizeof expected, "POST [%p]  b", argument);
        assert_int_equal(mine.body.size, strlen(expected));
        assert_memory_equal(mine.body.data, expected, mine.body.size);
    }
    http_client_response_finish(&mine);
}

static void threads_share_it(void **state) {
    struct thread threads[THREADS];
    (void)state;
    struct http_server *server = raw_server(NULL, raw_echo, NULL);
    snprintf(authority, sizeof authority, "127.0.0.1:%u", http_server_port(server));
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(thread_start(&threads[i], "asker", ask_many, &threads[i], NULL), STATUS_OK);
    }
    for (size_t i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
    assert_true(ports_seen(server) <= THREADS);
    http_server_destroy(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(asks_with_every_method, init, finish),
        cmocka_unit_test_setup_teardown(headers_travel_both_ways, init, finish),
        cmocka_unit_test_setup_teardown(keeps_its_connection, init, finish),
        cmocka_unit_test_setup_teardown(no_connection_means_nothing_was_sent, init, finish),
        cmocka_unit_test_setup_teardown(refuses_what_cannot_be_sent, init, finish),
        cmocka_unit_test_setup_teardown(a_lost_answer_is_unknown, init, finish),
        cmocka_unit_test_setup_teardown(only_the_allowed_are_sent_again, init, finish),
        cmocka_unit_test_setup_teardown(half_an_answer_is_unknown, init, finish),
        cmocka_unit_test_setup_teardown(an_answer_cut_off_is_unknown, init, finish),
        cmocka_unit_test_setup_teardown(an_answer_too_late_is_unknown, init, finish),
        cmocka_unit_test_setup_teardown(an_answer_no_longer_wanted_is_unknown, init, finish),
        cmocka_unit_test_setup_teardown(no_connection_in_time_is_a_timeout, init, finish),
        cmocka_unit_test_setup_teardown(large_answers_are_bounded, init, finish),
        cmocka_unit_test_setup_teardown(redirects_are_not_followed, init, finish),
        cmocka_unit_test_setup_teardown(threads_share_it, init, finish),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
