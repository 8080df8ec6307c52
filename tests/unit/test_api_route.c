#include "api/route.h"
#include "api_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void handle_nothing(struct call *call) {
    (void)call;
}

static const struct route routes[] = {
    {HTTP_METHOD_GET, "/things", handle_nothing},
    {HTTP_METHOD_GET, "/things/{thing}", handle_nothing},
    {HTTP_METHOD_PUT, "/things/{thing}", handle_nothing},
    {HTTP_METHOD_DELETE, "/things/{thing}", handle_nothing},
    {HTTP_METHOD_POST, "/things/{thing}/{part}:turn", handle_nothing},
    {HTTP_METHOD_GET, "/things/{thing}/parts/{part}", handle_nothing},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

struct found {
    size_t position;
    struct slice parameters[ROUTE_PARAMETERS_MAX];
    size_t count;
    route_methods methods;
};

static struct found find(enum http_method method, const char *path) {
    struct http_request request;
    struct found found = {.methods = 0};
    request_init(&request, method, path);
    found.position =
        route_find(routes, ROUTE_COUNT, &request, found.parameters, &found.count, &found.methods);
    return found;
}

static void test_finds_by_method_and_segments(void **state) {
    (void)state;
    assert_int_equal(find(HTTP_METHOD_GET, "/things").position, 0);
    assert_int_equal(find(HTTP_METHOD_GET, "/things/a").position, 1);
    assert_int_equal(find(HTTP_METHOD_PUT, "/things/a").position, 2);
    assert_int_equal(find(HTTP_METHOD_GET, "/things/a/parts/b").position, 5);
}

static void test_gives_what_stands_for_braces(void **state) {
    (void)state;
    struct found found = find(HTTP_METHOD_GET, "/things/a/parts/b");
    assert_int_equal(found.count, 2);
    assert_true(slice_equal(found.parameters[0], slice_of_string("a")));
    assert_true(slice_equal(found.parameters[1], slice_of_string("b")));
}

static void test_suffix_must_stand_and_is_cut(void **state) {
    (void)state;
    struct found found = find(HTTP_METHOD_POST, "/things/a/7:turn");
    assert_int_equal(found.position, 4);
    assert_true(slice_equal(found.parameters[1], slice_of_string("7")));
    assert_int_equal(find(HTTP_METHOD_POST, "/things/a/7").position, ROUTE_NONE);
    assert_int_equal(find(HTTP_METHOD_POST, "/things/a/:turn").position, ROUTE_NONE);
}

static void test_unknown_paths_take_no_method(void **state) {
    (void)state;
    static const char *const paths[] = {"/", "/thing", "/things/a/parts", "/things/a/parts/b/c", "/Things"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct found found = find(HTTP_METHOD_GET, paths[i]);
        assert_int_equal(found.position, ROUTE_NONE);
        assert_int_equal(found.methods, 0);
    }
}

static void test_other_methods_are_told(void **state) {
    (void)state;
    struct found found = find(HTTP_METHOD_PATCH, "/things/a");
    assert_int_equal(found.position, ROUTE_NONE);
    struct buffer allow;
    buffer_init(&allow, 100);
    route_format_methods(found.methods, &allow);
    assert_true(slice_equal(buffer_slice(&allow), slice_of_string("GET, HEAD, PUT, DELETE")));
    buffer_finish(&allow);
}

static void test_every_route_is_found_by_its_own_pattern(void **state) {
    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        struct http_request request;
        struct slice parameters[ROUTE_PARAMETERS_MAX];
        size_t count;
        route_methods methods;
        request_init(&request, api_routes[i].method, api_routes[i].pattern);
        assert_int_equal(route_find(api_routes, api_route_count, &request, parameters, &count, &methods), i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_by_method_and_segments),
        cmocka_unit_test(test_gives_what_stands_for_braces),
        cmocka_unit_test(test_suffix_must_stand_and_is_cut),
        cmocka_unit_test(test_unknown_paths_take_no_method),
        cmocka_unit_test(test_other_methods_are_told),
        cmocka_unit_test(test_every_route_is_found_by_its_own_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
