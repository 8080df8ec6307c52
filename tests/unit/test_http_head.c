/* Every way in which a head is refused, over raw sockets: what counts is what civetweb and we do together. */
#include "http_raw.h"

#include <stdatomic.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LINE(text) text "\r\n"
#define GET LINE("GET / HTTP/1.1")
#define POST LINE("POST / HTTP/1.1")
#define HOST LINE("Host: x")
#define END "\r\n"

static struct http_server *server;
static atomic_uint handled;

static int start(void **state) {
    (void)state;
    struct http_server_options options = {.connections_max = 16, .body_bytes_max = 1000};
    server = raw_server(&options, raw_echo, &handled);
    return 0;
}

static int stop(void **state) {
    (void)state;
    http_server_destroy(server);
    return 0;
}

static void expect(const char *text, unsigned status) {
    raw_expect(http_server_port(server), text, status, status >= 400);
}

static void refuses_unclear_framing(void **state) {
    (void)state;
    expect(POST HOST LINE("Content-Length: 1") LINE("Transfer-Encoding: chunked") END "0\r\n\r\n", 400);
    expect(POST HOST LINE("Transfer-Encoding: chunked") LINE("Content-Length: 1") END "0\r\n\r\n", 400);
    expect(POST HOST LINE("Transfer-Encoding: chunked") END "0\r\n\r\n", 411);
    expect(POST HOST LINE("Transfer-Encoding: gzip, chunked") END, 400);
    expect(POST HOST LINE("Transfer-Encoding: identity") END, 411);
    expect(POST HOST LINE("Content-Length: 1") LINE("Content-Length: 2") END "ab", 400);
    expect(POST HOST LINE("Content-Length: 1") LINE("content-length: 1") END "a", 400);
    expect(POST HOST LINE("Content-Length: 1, 1") END "a", 400);
    expect(POST HOST LINE("Content-Length: +1") END "a", 400);
    expect(POST HOST LINE("Content-Length: -1") END, 400);
    expect(POST HOST LINE("Content-Length: 0x1") END "a", 400);
    expect(POST HOST LINE("Content-Length: ") END, 400);
    expect(POST HOST LINE("Content-Length: 1 1") END "a", 400);
    expect(POST HOST LINE("Content-Length: ten") END, 400);
    expect(POST HOST LINE("Content-Length: 1001") END, 413);
    expect(POST HOST LINE("Content-Length: 99999999999999999") END, 413);
    expect(POST HOST LINE("Content-Length: 99999999999999999999999999") END, 413);
    expect(POST HOST LINE("Content-Length: 18446744073709551617") END "a", 413);
}

static void refuses_hidden_lines(void **state) {
    (void)state;
    expect(GET HOST LINE("A: b") LINE(" folded") LINE("Content-Length: 5") END "hello", 400);
    expect(GET HOST LINE("A: b") LINE("\xc3\xa4: b") LINE("Content-Length: 5") END "hello", 400);
    expect(GET HOST LINE("A: b") LINE(": b") LINE("Content-Length: 5") END "hello", 400);
    expect(LINE("GET / HTTP/1.1") LINE(" Host: x") END, 400);
    expect(GET LINE("Host : x") END, 400);
    expect(GET HOST LINE("Content-Length : 5") END "hello", 400);
    expect(GET HOST LINE("A(b): c") END, 400);
    expect(GET HOST LINE("no colon") END, 400);
    expect("GET / HTTP/1.1\nHost: x\n\n", 400);
    expect("GET / \r\nHTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect("GET / \nHTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect("GET /?a=b \nHTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect("GET \n/ HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect("GET / HTTP/1.1\r\nHost: x\n\n", 400);
    expect("GET / HTTP/1.1\r\nHost: x\r\nA: b\n\r\n\r\n", 400);
    expect("GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400);
    expect("GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400);
    expect(GET HOST LINE("A: b\x01") END, 400);
}

static void refuses_hosts_and_request_lines(void **state) {
    (void)state;
    expect(GET LINE("A: b") END, 400);
    expect(GET HOST HOST END, 400);
    expect(GET END, 400);
    expect(LINE("GET / HTTP/1.0") HOST HOST END, 400);
    expect(LINE("GET / HTTP/2.0") HOST END, 505);
    expect(LINE("GET / HTTP/9") HOST END, 505);
    expect(LINE("GET / SPDY/1") HOST END, 400);
    expect(LINE("GET /") HOST END, 400);
    expect(LINE("BREW / HTTP/1.1") HOST END, 501);
    expect(LINE("get / HTTP/1.1") HOST END, 501);
    expect(LINE("TRACE / HTTP/1.1") HOST END, 501);
    expect(LINE("PROPFIND / HTTP/1.1") HOST END, 501);
    expect(LINE("GET * HTTP/1.1") HOST END, 400);
    expect(LINE("OPTIONS * HTTP/1.1") HOST END, 400);
    expect(LINE("GET x HTTP/1.1") HOST END, 400);
    expect(LINE("CONNECT x:1 HTTP/1.1") HOST END, 501);
    expect(LINE("GET http://other:1/ HTTP/1.1") HOST END, 400);
    expect(LINE("GET /\xc3\xa4 HTTP/1.1") HOST END, 400);
}

static void refuses_targets(void **state) {
    (void)state;
    expect(LINE("GET /a%00b HTTP/1.1") HOST END, 400);
    expect(LINE("GET /?a=%00 HTTP/1.1") HOST END, 400);
    expect(LINE("GET /../etc/passwd HTTP/1.1") HOST END, 400);
    expect(LINE("GET /a/%2e%2e/b HTTP/1.1") HOST END, 400);
    expect(LINE("GET //a HTTP/1.1") HOST END, 400);
    expect(LINE("GET /%zz HTTP/1.1") HOST END, 400);
}

static void refuses_expectations(void **state) {
    (void)state;
    expect(POST HOST LINE("Expect: miracles") LINE("Content-Length: 1") END "a", 417);
    expect(POST HOST LINE("Expect: 100-continue") LINE("Expect: 100-continue") LINE("Content-Length: 1") END
           "a",
           417);
}

/* A GET with `count` headers, Host among them. */
static void format_headers(struct buffer *text, unsigned count) {
    buffer_clear(text);
    buffer_append_string(text, GET HOST);
    for (unsigned i = 1; i < count; i++) {
        buffer_append_format(text, "X-%u: value\r\n", i);
    }
    buffer_append(text, END, sizeof END); /* with its NUL */
}

/* A GET whose head has `size` bytes. */
static void format_size(struct buffer *text, size_t size) {
    buffer_clear(text);
    buffer_append_string(text, GET HOST "A: ");
    size_t value_size = size - text->size - sizeof "\r\n\r";
    memset(buffer_extend(text, value_size), 'a', value_size);
    buffer_append(text, "\r\n\r\n", sizeof "\r\n\r\n"); /* with its NUL */
}

static void refuses_large_heads(void **state) {
    static const unsigned counts[] = {1, 63, 64, 65, 100, 500};
    (void)state;
    struct buffer text;
    buffer_init(&text, 4 * HTTP_HEAD_BYTES_MAX);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        format_headers(&text, counts[i]);
        expect((const char *)text.data, counts[i] <= HTTP_HEADERS_MAX ? 200 : 431);
    }
    format_size(&text, HTTP_HEAD_BYTES_MAX);
    expect((const char *)text.data, 200);
    format_size(&text, HTTP_HEAD_BYTES_MAX + 1);
    expect((const char *)text.data, 431);
    format_size(&text, 3 * HTTP_HEAD_BYTES_MAX);
    expect((const char *)text.data, 400);
    buffer_finish(&text);
}

static void hides_none_of_it_from_handlers(void **state) {
    (void)state;
    assert_int_equal(atomic_load(&handled), 4); /* the four good heads of the test above */
}

static void accepts_what_is_well_formed(void **state) {
    (void)state;
    expect(POST HOST LINE("Content-Length: 5 ") END "hello", 200);
    expect(POST LINE("hOsT:x") LINE("content-LENGTH:5") END "hello", 200);
    expect(POST HOST LINE("A:") LINE("B: \xc3\xa4") END, 200);
    expect("\r\n" GET HOST END, 200); /* RFC 9112, 2.2 */
    expect(LINE("GET /a?b HTTP/1.0") END, 200);
    expect(LINE("DELETE /a HTTP/1.1") HOST END, 200);
    expect(LINE("PATCH /a HTTP/1.1") HOST LINE("Content-Length: 0") END, 200);
    expect(LINE("OPTIONS /a HTTP/1.1") HOST END, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_unclear_framing),
        cmocka_unit_test(refuses_hidden_lines),
        cmocka_unit_test(refuses_hosts_and_request_lines),
        cmocka_unit_test(refuses_targets),
        cmocka_unit_test(refuses_expectations),
        cmocka_unit_test(refuses_large_heads),
        cmocka_unit_test(hides_none_of_it_from_handlers),
        cmocka_unit_test(accepts_what_is_well_formed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
