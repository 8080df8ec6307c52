#include "api/origin.h"
#include "api_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char own[] = "broker.example:8000";

/* NULL stands for a header that is not sent. */
static bool allowed(enum http_method method, const char *host, const char *origin, const char *site) {
    struct http_request request;
    request_init(&request, method, "/send");
    if (host) {
        request_header(&request, "host", host);
    }
    if (origin) {
        request_header(&request, "Origin", origin);
    }
    if (site) {
        request_header(&request, "Sec-Fetch-Site", site);
    }
    return origin_refusal(&request, own) == NULL;
}

static void test_tools_are_not_judged(void **state) {
    (void)state;
    assert_true(allowed(HTTP_METHOD_POST, "evil.example", NULL, NULL));
    assert_true(allowed(HTTP_METHOD_DELETE, NULL, NULL, NULL));
}

static void test_reads_are_not_judged(void **state) {
    (void)state;
    assert_true(allowed(HTTP_METHOD_GET, "evil.example", "http://evil.example", "cross-site"));
}

static void test_own_pages_may_write(void **state) {
    (void)state;
    assert_true(allowed(HTTP_METHOD_POST, "127.0.0.1:8000", "http://127.0.0.1:8000", "same-origin"));
    assert_true(
        allowed(HTTP_METHOD_POST, "localhost:8001", "http://localhost:8001", NULL)); /* a mapped port */
    assert_true(allowed(HTTP_METHOD_PUT, "Broker.Example", "https://broker.example", "same-origin"));
    assert_true(allowed(HTTP_METHOD_POST, "[::1]:8000", "http://[::1]:8000", "same-origin"));
    assert_true(allowed(HTTP_METHOD_POST, "localhost:8000", NULL, "none")); /* the user's own doing */
}

static void test_pages_of_elsewhere_may_not(void **state) {
    (void)state;
    assert_false(allowed(HTTP_METHOD_POST, "127.0.0.1:8000", "http://evil.example", "cross-site"));
    assert_false(allowed(HTTP_METHOD_POST, "127.0.0.1:8000", "http://evil.example", NULL));
    assert_false(allowed(HTTP_METHOD_POST, "127.0.0.1:8000", NULL, "cross-site"));
    assert_false(allowed(HTTP_METHOD_POST, "localhost:8000", "http://localhost:3000", "same-site"));
    assert_false(allowed(HTTP_METHOD_POST, "localhost:8000", "http://localhost:3000", NULL));
    assert_false(allowed(HTTP_METHOD_PATCH, "localhost:8000", "null", NULL));
    assert_false(allowed(HTTP_METHOD_POST, "localhost:8000", "ftp://localhost:8000", NULL));
    assert_false(allowed(HTTP_METHOD_POST, "localhost:8000", "http://localhost:80001", NULL));
}

/* The attacker's name resolves to us, so that Origin and Host agree. */
static void test_rebound_names_may_not(void **state) {
    (void)state;
    assert_false(allowed(HTTP_METHOD_POST, "evil.example:8000", "http://evil.example:8000", "same-origin"));
    assert_false(allowed(HTTP_METHOD_POST, "127.0.0.1.evil.example", "http://127.0.0.1.evil.example", NULL));
    assert_false(allowed(HTTP_METHOD_POST, NULL, "http://broker.example", NULL));
    assert_false(allowed(HTTP_METHOD_POST, "", "http://", NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tools_are_not_judged),  cmocka_unit_test(test_reads_are_not_judged),
        cmocka_unit_test(test_own_pages_may_write),   cmocka_unit_test(test_pages_of_elsewhere_may_not),
        cmocka_unit_test(test_rebound_names_may_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
