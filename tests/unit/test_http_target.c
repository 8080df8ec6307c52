#include "allocation.h"
#include "http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct http_request request;
static struct target_scratch scratch;

static unsigned decode(const char *path, const char *query) {
    struct refusal refusal = {0};
    request.raw_path = slice_of_string(path);
    request.raw_query = slice_of_string(query);
    return target_decode(&request, &scratch, &refusal) ? 0 : refusal.error_code;
}

static void expect(struct slice slice, const char *text) {
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.data, text, slice.size);
}

static int finish(void **state) {
    (void)state;
    target_scratch_finish(&scratch);
    return 0;
}

static void splits_before_it_decodes(void **state) {
    (void)state;
    assert_int_equal(decode("/v1/a%2fb/..%2f/x%20y/", ""), 0);
    assert_int_equal(request.segment_count, 4);
    expect(request.segments[0], "v1");
    expect(request.segments[1], "a/b");
    expect(request.segments[2], "../");
    expect(request.segments[3], "x y");
    assert_int_equal(request.parameter_count, 0);
}

static void root_has_no_segment(void **state) {
    (void)state;
    assert_int_equal(decode("/", ""), 0);
    assert_int_equal(request.segment_count, 0);
}

static void plus_is_a_space_in_queries_only(void **state) {
    (void)state;
    assert_int_equal(decode("/a+b", "k=a+b%2B&raw&&e=&=v&k=2=3"), 0);
    expect(request.segments[0], "a+b");
    assert_int_equal(request.parameter_count, 5);
    expect(request.parameters[0].name, "k");
    expect(request.parameters[0].value, "a b+");
    expect(request.parameters[1].name, "raw");
    expect(request.parameters[1].value, "");
    expect(request.parameters[2].value, "");
    expect(request.parameters[3].name, "");
    expect(request.parameters[3].value, "v");
    expect(request.parameters[4].value, "2=3");
    expect(*http_request_parameter(&request, "k"), "a b+");
    assert_null(http_request_parameter(&request, "K"));
}

static void refuses_what_could_act_as_a_path(void **state) {
    static const char *const paths[] = {"",       "a",     "/.",      "/..", "/%2e",     "/%2E%2e/x",
                                        "//",     "/a//b", "/a/./",   "/%",  "/%2",      "/%zz",
                                        "/a%00b", "/a#b",  "/a/%2e.", "*",   "http://x/"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (decode(paths[i], "") != REFUSAL_MALFORMED) {
            fail_msg("%s", paths[i]);
        }
    }
    assert_int_equal(decode("/", "a=%"), REFUSAL_MALFORMED);
    assert_int_equal(decode("/", "%0g=1"), REFUSAL_MALFORMED);
    assert_int_equal(decode("/", "a=%00"), REFUSAL_MALFORMED);
}

static void counts_are_bounded(void **state) {
    (void)state;
    assert_int_equal(decode("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/", ""), 0);
    assert_int_equal(request.segment_count, HTTP_PATH_SEGMENTS_MAX);
    assert_int_equal(decode("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", ""), REFUSAL_MALFORMED);
    assert_int_equal(decode("/", "a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a"), 0);
    assert_int_equal(request.parameter_count, HTTP_QUERY_PARAMETERS_MAX);
    assert_int_equal(decode("/", "a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a&a"),
                     REFUSAL_MALFORMED);
}

static void scratch_holds_the_longest_target(void **state) {
    static char path[HTTP_HEAD_BYTES_MAX];
    (void)state;
    memset(path, 'a', sizeof path - 1);
    memcpy(path, "/%41", 4);
    assert_int_equal(decode(path, ""), 0);
    assert_int_equal(request.segments[0].size, sizeof path - 1 - 3);
}

/* The request is refused as one that may come again, and the next one finds memory. */
static void refuses_while_memory_is_short(void **state) {
    (void)state;
    target_scratch_finish(&scratch);
    allocation_fail_at(1);
    assert_int_equal(decode("/a%2fb", ""), REFUSAL_NO_MEMORY);
    assert_true(allocation_failed());
    allocation_fail_at(1);
    assert_int_equal(decode("/a", "x=a+b"), REFUSAL_NO_MEMORY);
    assert_true(allocation_failed());
    allocation_fail_at(1);
    assert_int_equal(decode("/a", "x=y"), 0); /* nothing to decode, nothing to keep */
    assert_false(allocation_failed());
    assert_int_equal(decode("/a%2fb", ""), 0);
    expect(request.segments[0], "a/b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_before_it_decodes),
        cmocka_unit_test(root_has_no_segment),
        cmocka_unit_test(plus_is_a_space_in_queries_only),
        cmocka_unit_test(refuses_what_could_act_as_a_path),
        cmocka_unit_test(counts_are_bounded),
        cmocka_unit_test(scratch_holds_the_longest_target),
        cmocka_unit_test(refuses_while_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
