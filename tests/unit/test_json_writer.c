#include "aborts.h"
#include "allocation.h"
#include "aviary/base/cleanup.h"
#include "aviary/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_text(const struct buffer *out, const char *text) {
    assert_int_equal(buffer_status(out), STATUS_OK);
    if (!slice_equal(buffer_slice(out), slice_of_string(text))) {
        print_error("wrote %.*s\n", (int)out->size, (const char *)out->data);
        fail();
    }
}

static void write_example(struct buffer *out, enum json_layout layout) {
    struct json_writer writer;
    json_writer_init(&writer, out, layout);
    json_begin_object(&writer);
    json_key(&writer, "name");
    json_string_z(&writer, "a\"b");
    json_key(&writer, "numbers");
    json_begin_array(&writer);
    json_int64(&writer, INT64_MIN);
    json_uint64(&writer, UINT64_MAX);
    json_uint64(&writer, 7);
    json_end_array(&writer);
    json_key(&writer, "empty");
    json_begin_array(&writer);
    json_begin_object(&writer);
    json_end_object(&writer);
    json_begin_array(&writer);
    json_end_array(&writer);
    json_end_array(&writer);
    json_key_slice(&writer, slice_make("raw", 3));
    json_raw(&writer, slice_of_string("{\"x\":1}"));
    json_key(&writer, "yes");
    json_bool(&writer, true);
    json_key(&writer, "no");
    json_bool(&writer, false);
    json_key(&writer, "nothing");
    json_null(&writer);
    json_end_object(&writer);
}

static void test_writes_compactly(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    write_example(&out, JSON_COMPACT);
    assert_text(&out, "{\"name\":\"a\\\"b\",\"numbers\":[-9223372036854775808,18446744073709551615,7],"
                      "\"empty\":[{},[]],\"raw\":{\"x\":1},\"yes\":true,\"no\":false,\"nothing\":null}");
}

static void test_writes_prettily(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    write_example(&out, JSON_PRETTY);
    assert_text(&out, "{\n  \"name\": \"a\\\"b\",\n  \"numbers\": [\n    -9223372036854775808,\n"
                      "    18446744073709551615,\n    7\n  ],\n  \"empty\": [\n    {},\n    []\n  ],\n"
                      "  \"raw\": {\"x\":1},\n  \"yes\": true,\n  \"no\": false,\n  \"nothing\": null\n}");
}

static void test_a_root_may_be_any_value(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    struct json_writer writer;
    json_writer_init(&writer, &out, JSON_COMPACT);
    json_int64(&writer, -1);
    json_writer_init(&writer, &out, JSON_PRETTY);
    json_string(&writer, (struct slice){0});
    assert_text(&out, "-1\"\"");
}

static void test_escapes(void **state) {
    (void)state;
    const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain text that is longer than eight", 36, "\"plain text that is longer than eight\""},
        {"12345678\"12345678\\", 18, "\"12345678\\\"12345678\\\\\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\""},
        {"/", 1, "\"/\""},
        {"V\xc3\xb6gel \xe9\xb3\xa5 \xf0\x9f\x90\xa6", 15, "\"V\xc3\xb6gel \xe9\xb3\xa5 \xf0\x9f\x90\xa6\""},
        {"\xff", 1, "\"\xef\xbf\xbd\""},
        {"a\xc3", 2, "\"a\xef\xbf\xbd\""},
        {"\xed\xa0\x80x", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\""},
        {"1234567\n", 8, "\"1234567\\n\""},
        {"1234567\x80", 8, "\"1234567\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 1000);
        json_append_string(&out, slice_make(cases[i].bytes, cases[i].size));
        assert_text(&out, cases[i].text);
    }
}

/* Every byte, at every place of the eight that are looked at together. */
static void test_every_byte_is_escaped_as_the_parser_reads_it(void **state) {
    (void)state;
    for (unsigned byte = 1; byte < 128; byte++) {
        for (size_t place = 0; place < 17; place++) {
            uint8_t bytes[17];
            memset(bytes, 'x', sizeof bytes);
            bytes[place] = (uint8_t)byte;
            _cleanup_buffer_ struct buffer out;
            buffer_init(&out, 1000);
            json_append_string(&out, slice_make(bytes, sizeof bytes));
            _cleanup_json_ struct json *json = NULL;
            assert_int_equal(json_parse(buffer_slice(&out), &json, NULL), STATUS_OK);
            struct slice back;
            assert_int_equal(json_to_string(json, "it", 100, &back, NULL), STATUS_OK);
            assert_true(slice_equal(back, slice_make(bytes, sizeof bytes)));
        }
    }
}

static void test_a_full_buffer_shows_at_the_end(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 50);
    write_example(&out, JSON_COMPACT);
    assert_int_equal(buffer_status(&out), STATUS_TOO_LARGE);
    for (uint64_t nth = 1; nth < 3; nth++) {
        _cleanup_buffer_ struct buffer large;
        buffer_init(&large, 1000);
        allocation_fail_at(nth);
        write_example(&large, JSON_COMPACT);
        assert_true(allocation_failed());
        assert_int_equal(buffer_status(&large), STATUS_NO_MEMORY);
    }
}

static void value_without_key(void *argument) {
    json_begin_object(argument);
    json_null(argument);
}

static void key_in_an_array(void *argument) {
    json_begin_array(argument);
    json_key(argument, "x");
}

static void two_keys(void *argument) {
    json_begin_object(argument);
    json_key(argument, "x");
    json_key(argument, "y");
}

static void wrong_end(void *argument) {
    json_begin_array(argument);
    json_end_object(argument);
}

static void end_after_key(void *argument) {
    json_begin_object(argument);
    json_key(argument, "x");
    json_end_object(argument);
}

static void two_roots(void *argument) {
    json_null(argument);
    json_null(argument);
}

static void end_without_begin(void *argument) {
    json_end_array(argument);
}

static void too_deep(void *argument) {
    for (int i = 0; i <= JSON_DEPTH_MAX; i++) {
        json_begin_array(argument);
    }
}

static void test_calls_out_of_order_abort(void **state) {
    (void)state;
    void (*const misuses[])(void *argument) = {value_without_key, key_in_an_array, two_keys,
                                               wrong_end,         end_after_key,   two_roots,
                                               end_without_begin, too_deep};
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++) {
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 1000);
        struct json_writer writer;
        json_writer_init(&writer, &out, JSON_COMPACT);
        assert_true(aborts(misuses[i], &writer));
    }
}

static void test_the_deepest_allowed(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    struct json_writer writer;
    json_writer_init(&writer, &out, JSON_COMPACT);
    for (int i = 0; i < JSON_DEPTH_MAX / 2; i++) {
        json_begin_array(&writer);
        json_begin_object(&writer);
        json_key(&writer, "x");
    }
    json_null(&writer);
    for (int i = 0; i < JSON_DEPTH_MAX / 2; i++) {
        json_end_object(&writer);
        json_end_array(&writer);
    }
    _cleanup_json_ struct json *json = NULL;
    assert_int_equal(json_parse(buffer_slice(&out), &json, NULL), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_compactly),
        cmocka_unit_test(test_writes_prettily),
        cmocka_unit_test(test_a_root_may_be_any_value),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_every_byte_is_escaped_as_the_parser_reads_it),
        cmocka_unit_test(test_a_full_buffer_shows_at_the_end),
        cmocka_unit_test(test_calls_out_of_order_abort),
        cmocka_unit_test(test_the_deepest_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
