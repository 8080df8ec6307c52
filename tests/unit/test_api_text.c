#include "api/media.h"
#include "api/offset.h"
#include "api/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct slice text(const char *string) {
    return slice_of_string(string);
}

static void test_numbers_are_digits_within_bounds(void **state) {
    (void)state;
    uint64_t number = 5;
    assert_true(text_to_u64(text("0"), 9, &number) && number == 0);
    assert_true(text_to_u64(text("18446744073709551615"), UINT64_MAX, &number) && number == UINT64_MAX);
    assert_true(text_to_u64(text("007"), 7, &number) && number == 7);
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(text_to_u64(text(bad[i]), UINT64_MAX, &number));
    }
    assert_false(text_to_u64(text("8"), 7, &number));
    assert_false(text_to_u64(text("10"), 9, &number));
    assert_int_equal(number, 7); /* untouched on failure */
}

static void test_base64(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                           {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct buffer out;
        buffer_init(&out, 100);
        text_append_base64(&out, text(pairs[i][0]));
        assert_true(slice_equal(buffer_slice(&out), text(pairs[i][1])));
        buffer_finish(&out);
    }
}

static void test_hash_there_and_back(void **state) {
    (void)state;
    struct hash128 hash = hash128_of(text("x"));
    struct hash128 back;
    char hex[HASH128_TEXT_SIZE];
    text_of_hash(&hash, hex);
    assert_true(text_to_hash(text(hex), &back));
    assert_true(hash128_equal(&hash, &back));
    assert_false(text_to_hash(text("12"), &back));
    hex[3] = 'g';
    assert_false(text_to_hash(text(hex), &back));
}

static void test_escapes_for_paths(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 100);
    text_append_escaped(&out, slice_make("a-b._~1/%\xc3\0", 11));
    assert_true(slice_equal(buffer_slice(&out), text("a-b._~1%2F%25%C3%00")));
    buffer_finish(&out);
}

static void test_media_types_are_compared_without_parameters(void **state) {
    (void)state;
    assert_true(media_is(text("application/json; charset=utf-8"), MEDIA_JSON));
    assert_true(media_is(text(" Application/JSON "), MEDIA_JSON));
    assert_false(media_is(text("application/jsonx"), MEDIA_JSON));
    assert_false(media_is(text(""), MEDIA_JSON));
}

static int choose(const char *accept) {
    static const char *const types[] = {MEDIA_JSON, MEDIA_NDJSON, MEDIA_TEXT};
    struct slice header = text(accept);
    return media_choose(&header, types, 3);
}

static void test_accept_chooses(void **state) {
    (void)state;
    static const char *const types[] = {MEDIA_JSON, MEDIA_NDJSON};
    assert_int_equal(media_choose(NULL, types, 2), 0);
    assert_int_equal(choose(""), 0);
    assert_int_equal(choose("*/*"), 0);
    assert_int_equal(choose("application/x-ndjson"), 1);
    assert_int_equal(choose("text/*"), 2);
    assert_int_equal(choose("image/png"), -1);
    assert_int_equal(choose("image/png, */*;q=0.1"), 0);
    assert_int_equal(choose("application/json;q=0.5, application/x-ndjson;q=0.8"), 1);
    assert_int_equal(choose("application/json;q=0, */*"), 1);
    assert_int_equal(choose("application/json;q=0"), -1);
    assert_int_equal(choose("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), 0);
    assert_int_equal(choose("application/json;q=nonsense, text/plain;q=0.001"), 2);
}

static void test_offset_forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum offset_kind kind;
        int64_t value;
    } good[] = {
        {"earliest", OFFSET_EARLIEST, 0},
        {"latest", OFFSET_LATEST, 0},
        {"0", OFFSET_AT, 0},
        {"9223372036854775807", OFFSET_AT, INT64_MAX},
        {"-3", OFFSET_LAST, 3},
        {"@12", OFFSET_TIME, 12},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct offset_form form;
        assert_true(offset_parse(text(good[i].text), &form));
        assert_int_equal(form.kind, good[i].kind);
        assert_int_equal(form.value, good[i].value);
    }
    static const char *const bad[] = {"", "-", "@", "--1", "@-1", "Latest", "1.5", "9223372036854775808"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct offset_form form;
        assert_false(offset_parse(text(bad[i]), &form));
    }
}

static void test_offsets_resolve_within_the_log(void **state) {
    (void)state;
    assert_int_equal(offset_resolve((struct offset_form){OFFSET_EARLIEST, 0}, 10, 20), 10);
    assert_int_equal(offset_resolve((struct offset_form){OFFSET_LATEST, 0}, 10, 20), 20);
    assert_int_equal(offset_resolve((struct offset_form){OFFSET_AT, 99}, 10, 20), 99);
    assert_int_equal(offset_resolve((struct offset_form){OFFSET_LAST, 3}, 10, 20), 17);
    assert_int_equal(offset_resolve((struct offset_form){OFFSET_LAST, 11}, 10, 20), 10);
    assert_int_equal(offset_resolve((struct offset_form){OFFSET_LAST, INT64_MAX}, 10, 20), 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_digits_within_bounds),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_hash_there_and_back),
        cmocka_unit_test(test_escapes_for_paths),
        cmocka_unit_test(test_media_types_are_compared_without_parameters),
        cmocka_unit_test(test_accept_chooses),
        cmocka_unit_test(test_offset_forms),
        cmocka_unit_test(test_offsets_resolve_within_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
