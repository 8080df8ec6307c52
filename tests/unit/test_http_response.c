#include "http/response.h"

#include "allocation.h"
#include "aviary/base/limits.h"
#include "http_raw.h"

#include <stdio.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LARGE_BYTES_MAX = 3 * 1024 * 1024 };

static char text[HTTP_RESPONSE_HEAD_BYTES_MAX + 4096];
static struct http_response response;
static struct budget budget;

static int init(void **state) {
    (void)state;
    budget = (struct budget){.bytes_max = LARGE_BYTES_MAX};
    response_init(&response, &budget);
    return 0;
}

static int finish(void **state) {
    (void)state;
    response_finish(&response);
    return 0;
}

static const char *seal(bool head_only, bool keeps_alive_1_0) {
    struct slice bytes = response_seal(&response, head_only, keeps_alive_1_0);
    assert_true(bytes.size < sizeof text);
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return text;
}

static void joins_head_and_body(void **state) {
    (void)state;
    http_response_set_status(&response, 201);
    http_response_content_type(&response, "text/plain");
    http_response_header(&response, "Location", "/v1/x");
    http_response_header_u64(&response, "X-Next-Offset", UINT64_MAX);
    buffer_append_string(http_response_body(&response), "hello");
    assert_int_equal(http_response_body_size(&response), 5);
    seal(false, false);
    assert_memory_equal(text, "HTTP/1.1 201 Created\r\nDate: ", 28);
    assert_memory_equal(text + 28 + 25, " GMT\r\n", 6);
    assert_string_equal(text + 28 + 31, "Content-Type: text/plain\r\n"
                                        "Content-Length: 5\r\n"
                                        "Location: /v1/x\r\n"
                                        "X-Next-Offset: 18446744073709551615\r\n"
                                        "\r\n"
                                        "hello");
}

static void reset_forgets_everything(void **state) {
    (void)state;
    http_response_set_status(&response, 404);
    http_response_content_type(&response, "text/plain");
    http_response_header(&response, "A", "b");
    http_response_close_connection(&response);
    buffer_append_string(http_response_body(&response), "hello");
    http_response_reset(&response);
    assert_int_equal(http_response_status(&response), 200);
    assert_int_equal(http_response_body_size(&response), 0);
    assert_string_equal(seal(false, false) + 28 - 5 + 31, "Content-Length: 0\r\n\r\n");
}

static void head_counts_the_body_that_it_leaves_out(void **state) {
    (void)state;
    buffer_append_string(http_response_body(&response), "hello");
    assert_non_null(strstr(seal(true, false), "Content-Length: 5\r\n\r\n"));
    assert_null(strstr(text, "hello"));
}

static void some_statuses_have_no_body(void **state) {
    (void)state;
    buffer_append_string(http_response_body(&response), "hello");
    http_response_set_status(&response, 204);
    assert_null(strstr(seal(false, false), "Content-Length"));
    assert_null(strstr(text, "hello"));
}

static void connection_is_told(void **state) {
    (void)state;
    assert_null(strstr(seal(false, false), "Connection"));
    assert_non_null(strstr(seal(false, true), "Connection: keep-alive\r\n"));
    http_response_close_connection(&response);
    assert_non_null(strstr(seal(false, true), "Connection: close\r\n"));
    assert_null(strstr(text, "keep-alive"));
}

static void large_heads_move_the_body(void **state) {
    char value[1000];
    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    buffer_append_string(http_response_body(&response), "first");
    for (int i = 0; i < 30; i++) {
        http_response_header(&response, "X-Large", value);
    }
    buffer_append_string(http_response_body(&response), "last");
    seal(false, false);
    assert_non_null(strstr(text, "Content-Length: 9\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\nfirstlast");
    assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
}

static void too_many_headers_are_a_500(void **state) {
    (void)state;
    for (int i = 0; i < 5000; i++) {
        http_response_header(&response, "X-Many", "value");
    }
    assert_memory_equal(seal(false, false), "HTTP/1.1 500 ", 13);
    assert_non_null(strstr(text, "\"error_code\":50001"));
}

static void too_large_bodies_are_a_500(void **state) {
    (void)state;
    response.body.status = STATUS_TOO_LARGE; /* as a buffer is that was appended to beyond its maximum */
    assert_memory_equal(seal(false, false), "HTTP/1.1 500 ", 13);
    assert_non_null(strstr(text, "\"error_code\":50001"));
}

/* Once, however often it is looked at, and given back with the memory. */
static void a_large_body_counts(void **state) {
    (void)state;
    http_response_count(&response);
    assert_int_equal(budget.taken, 0); /* what a worker keeps anyway */
    assert_non_null(buffer_extend(http_response_body(&response), 2 * 1024 * 1024));
    http_response_count(&response);
    size_t taken = budget.taken;
    assert_int_equal(taken, http_response_body(&response)->capacity);
    http_response_count(&response);
    response_count_always(&response);
    assert_int_equal(budget.taken, taken);
    assert_int_equal(http_response_status(&response), 200);
    response_trim(&response);
    assert_int_equal(budget.taken, 0);
    assert_int_equal(http_response_body(&response)->capacity, 0);
}

static void one_too_many_becomes_a_refusal(void **state) {
    (void)state;
    assert_true(budget_take(&budget, LARGE_BYTES_MAX - 1024 * 1024));
    assert_non_null(buffer_extend(http_response_body(&response), 2 * 1024 * 1024));
    http_response_count(&response);
    assert_int_equal(http_response_status(&response), 503);
    assert_int_equal(budget.taken, LARGE_BYTES_MAX - 1024 * 1024);
    assert_true(http_response_body(&response)->capacity < 1024 * 1024); /* its memory is gone already */
    seal(false, false);
    assert_non_null(strstr(text, "Retry-After: 1\r\n"));
    assert_non_null(strstr(text, "ask for less"));
}

static void one_that_tells_what_was_done_counts_in_any_case(void **state) {
    (void)state;
    assert_true(budget_take(&budget, LARGE_BYTES_MAX));
    assert_non_null(buffer_extend(http_response_body(&response), 2 * 1024 * 1024));
    response_count_always(&response);
    assert_int_equal(http_response_status(&response), 200);
    assert_true(budget.taken > LARGE_BYTES_MAX);
    response_trim(&response);
    assert_int_equal(budget.taken, LARGE_BYTES_MAX);
}

static void without_memory_there_is_still_an_answer(void **state) {
    (void)state;
    for (uint64_t n = 1;; n++) {
        response_finish(&response);
        allocation_fail_at(n);
        response_init(&response, &budget);
        buffer_append_string(http_response_body(&response), "hello");
        seal(false, false);
        if (!allocation_failed()) {
            break;
        }
        assert_memory_equal(text, "HTTP/1.1 500 Internal Server Error\r\n", 36);
        assert_non_null(strstr(text, "Connection: close\r\n"));
    }
    assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
}

static enum status add(const char *name, const char *value) {
    return http_response_header_checked(&response, slice_of_string(name), slice_of_string(value));
}

static void foreign_headers_are_checked(void **state) {
    static char large[HTTP_RESPONSE_HEAD_BYTES_MAX + 1];
    (void)state;
    assert_int_equal(add("X-Header-a", "b\r\nSet-Cookie: c"), STATUS_INVALID);
    assert_int_equal(add("X-Header-a", "b\nc"), STATUS_INVALID);
    assert_int_equal(add("X-Header-a b", "c"), STATUS_INVALID);
    assert_int_equal(add("X-Header:", "c"), STATUS_INVALID);
    assert_int_equal(add("", "c"), STATUS_INVALID);
    assert_int_equal(http_response_header_checked(&response, slice_of_string("A"), slice_make("b\0c", 3)),
                     STATUS_INVALID);
    memset(large, 'l', sizeof large - 1);
    assert_int_equal(add("X-Large", large), STATUS_TOO_LARGE);
    assert_int_equal(add("X-Good", "\xc3\xa4\tb"), STATUS_OK);
    assert_int_equal(add("X-Empty", ""), STATUS_OK);
    seal(false, false);
    assert_non_null(strstr(text, "X-Good: \xc3\xa4\tb\r\nX-Empty: \r\n\r\n"));
    assert_null(strstr(text, "X-Header"));
    assert_null(strstr(text, "X-Large"));
}

static void errors_have_one_form(void **state) {
    (void)state;
    http_response_header(&response, "Gone", "yes");
    http_response_error(&response, 40402, "no partition %d of \"%s\"\n\x01", 7, "a\\b\xff\xc3\xa4");
    http_response_header(&response, "Retry-After", "1");
    seal(false, false);
    assert_int_equal(http_response_status(&response), 404);
    assert_memory_equal(text, "HTTP/1.1 404 Not Found\r\n", 24);
    assert_non_null(strstr(text, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(text, "Retry-After: 1\r\n"));
    assert_null(strstr(text, "Gone"));
    assert_string_equal(raw_body(text), "{\"error_code\":40402,\"message\":\"no partition 7 of "
                                        "\\\"a\\\\b\\ufffd\xc3\xa4\\\"\\u000a\\u0001\"}");
}

static void answer_head(void *context, struct http_request *request, struct http_response *sent) {
    (void)context;
    assert_true(request->head_only);
    assert_int_equal(request->method, HTTP_METHOD_GET);
    buffer_append_string(http_response_body(sent), "0123456789");
}

static void head_requests_keep_the_connection(void **state) {
    static char answer[RAW_ANSWER_MAX];
    (void)state;
    struct http_server *server = raw_server(NULL, answer_head, NULL);
    int fd = raw_connect(http_server_port(server));
    for (int i = 0; i < 3; i++) {
        raw_send_text(fd, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_true(raw_receive_head(fd, answer));
        assert_int_equal(raw_status(answer), 200);
        assert_non_null(strstr(answer, "Content-Length: 10\r\n"));
    }
    close(fd);
    http_server_destroy(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(joins_head_and_body, init, finish),
        cmocka_unit_test_setup_teardown(reset_forgets_everything, init, finish),
        cmocka_unit_test_setup_teardown(head_counts_the_body_that_it_leaves_out, init, finish),
        cmocka_unit_test_setup_teardown(some_statuses_have_no_body, init, finish),
        cmocka_unit_test_setup_teardown(connection_is_told, init, finish),
        cmocka_unit_test_setup_teardown(large_heads_move_the_body, init, finish),
        cmocka_unit_test_setup_teardown(too_many_headers_are_a_500, init, finish),
        cmocka_unit_test_setup_teardown(too_large_bodies_are_a_500, init, finish),
        cmocka_unit_test_setup_teardown(a_large_body_counts, init, finish),
        cmocka_unit_test_setup_teardown(one_too_many_becomes_a_refusal, init, finish),
        cmocka_unit_test_setup_teardown(one_that_tells_what_was_done_counts_in_any_case, init, finish),
        cmocka_unit_test_setup_teardown(without_memory_there_is_still_an_answer, init, finish),
        cmocka_unit_test_setup_teardown(foreign_headers_are_checked, init, finish),
        cmocka_unit_test_setup_teardown(errors_have_one_form, init, finish),
        cmocka_unit_test(head_requests_keep_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
