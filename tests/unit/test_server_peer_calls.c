/* Calls between brokers over HTTP: answers come back whole, and refusals with the words that were said. */
#include "broker_fixture.h"
#include "http_raw.h"
#include "server/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { ANSWER_MAX = 4096 };

/* A broker alone that answers calls, and the caller that asks it. */
struct ends {
    struct life life;
    struct server server;
    struct http_server *http;
    char address[32];
    struct buffer answer;
    struct error error;
};

static void handle(void *context, struct http_request *request, struct http_response *response) {
    if (!peer_call_handle(context, request, response)) {
        http_response_error(response, 40400, "no call");
    }
}

static void answer_badly(void *context, struct http_request *request, struct http_response *response) {
    (void)context;
    (void)request;
    http_response_set_status(response, 500);
    buffer_append_string(http_response_body(response), "<html>out of order</html>");
}

static void ends_init(struct ends *ends, http_handler handler) {
    *ends = (struct ends){.error = {.message = ""}};
    life_init(&ends->life);
    ends->server.broker = life_start(&ends->life, NULL);
    await_running(ends->server.broker);
    assert_int_equal(http_client_create(&ends->server.client), STATUS_OK);
    ends->http = raw_server(NULL, handler, &ends->server);
    snprintf(ends->address, sizeof ends->address, "127.0.0.1:%u", http_server_port(ends->http));
    buffer_init(&ends->answer, ANSWER_MAX);
}

static void ends_finish(struct ends *ends) {
    http_server_destroy(ends->http);
    life_close(&ends->life);
    life_finish(&ends->life);
    http_client_destroy(ends->server.client);
    buffer_finish(&ends->answer);
}

static enum status call(struct ends *ends, const char *address, const char *name, struct slice request) {
    struct broker_caller caller = peer_caller(&ends->server);
    buffer_clear(&ends->answer);
    return caller.call(caller.context, address, name, request, soon(), &ends->answer, &ends->error);
}

static void test_an_answer_comes_back(void **state) {
    (void)state;
    struct ends ends;
    uint8_t group[8] = {0};
    ends_init(&ends, handle);
    assert_int_equal(call(&ends, ends.address, "leader", slice_make(group, sizeof group)), STATUS_OK);
    assert_int_equal(ends.answer.size, 13);
    assert_int_equal(bytes_get_u32le(ends.answer.data), 1);
    assert_int_equal(call(&ends, ends.address, "hello", (struct slice){0}), STATUS_OK);
    assert_true(ends.answer.size > 20);
    ends_finish(&ends);
}

static void test_a_refusal_says_why(void **state) {
    (void)state;
    struct ends ends;
    ends_init(&ends, handle);
    assert_int_equal(call(&ends, ends.address, "goodbye", (struct slice){0}), STATUS_UNSUPPORTED);
    assert_string_equal(ends.error.message, "there is no call of that name in this version");
    assert_int_equal(call(&ends, ends.address, "leader", slice_of_string("short")), STATUS_INVALID);
    assert_string_equal(ends.error.message, "a group id has 8 bytes");
    assert_int_equal(ends.answer.size, 0);
    ends_finish(&ends);
}

static void test_nobody_and_nonsense_are_unavailable(void **state) {
    (void)state;
    struct ends ends;
    ends_init(&ends, answer_badly);
    assert_int_equal(call(&ends, "127.0.0.1:1", "hello", (struct slice){0}), STATUS_UNAVAILABLE);
    assert_int_equal(call(&ends, ends.address, "hello", (struct slice){0}), STATUS_UNAVAILABLE);
    assert_string_equal(ends.error.message, "<html>out of order</html>");
    struct broker_caller caller = peer_caller(&ends.server);
    assert_int_equal(
        caller.call(caller.context, ends.address, "hello", (struct slice){0}, 0, &ends.answer, &ends.error),
        STATUS_TIMEOUT);
    ends_finish(&ends);
}

static void test_only_posts_with_a_name_are_calls(void **state) {
    (void)state;
    struct ends ends;
    ends_init(&ends, handle);
    uint16_t port = http_server_port(ends.http);
    raw_expect(port, "GET /raft/v1/call/hello HTTP/1.1\r\nHost: x\r\n\r\n", 404, false);
    raw_expect(port, "POST /raft/v1/call HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404, false);
    raw_expect(port, "POST /raft/v2/call/hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404, false);
    raw_expect(port, "POST /raft/v1/call/hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 200, false);
    raw_expect(
        port,
        "POST /raft/v1/call/hellohellohellohellohellohellohello HTTP/1.1\r\nHost: x\r\nContent-Length: "
        "0\r\n\r\n",
        404, false);
    ends_finish(&ends);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_comes_back),
        cmocka_unit_test(test_a_refusal_says_why),
        cmocka_unit_test(test_nobody_and_nonsense_are_unavailable),
        cmocka_unit_test(test_only_posts_with_a_name_are_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
