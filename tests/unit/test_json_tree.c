#include "allocation.h"
#include "aviary/base/cleanup.h"
#include "aviary/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cJSON.h>

/* A copy of just its size, so that the sanitizer sees a read beyond it. */
static enum status parse_copy(const char *text, size_t size, struct json **ret_json, struct error *error) {
    _cleanup_free_ char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    return json_parse(slice_make(copy, size), ret_json, error);
}

static struct json *parsed(const char *text) {
    struct json *json = NULL;
    struct error error;
    if (parse_copy(text, strlen(text), &json, &error) != STATUS_OK) {
        print_error("%s: %s\n", text, error.message);
        fail();
    }
    return json;
}

static void test_takes_what_json_is(void **state) {
    (void)state;
    const char *texts[] = {
        "null",
        " true ",
        "false",
        "0",
        "-0",
        "-12.5e+3",
        "1E9",
        "\"\"",
        "[]",
        "{}",
        "\t[\r1\n, 2 ]",
        "{\"a\":{\"b\":[1,{\"c\":null}]},\"\":\"\"}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\udc26\"",
        "\"V\xc3\xb6gel \xf0\x9f\x90\xa6\"",
        "[[],{},[{}]]",
        "\"\x7f\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_destroy(parsed(texts[i]));
    }
    json_destroy(NULL);
}

struct bad_text {
    const char *text;
    const char *message;
};

static void test_refuses_what_json_is_not(void **state) {
    (void)state;
    const struct bad_text cases[] = {
        {"", "a JSON value is missing (at byte 1)"},
        {"  ", "a JSON value is missing (at byte 3)"},
        {"nul", "a JSON value is missing"},
        {"True", "a JSON value is missing"},
        {"[1,]", "a JSON value is missing (at byte 4)"},
        {"[,1]", "a JSON value is missing"},
        {"[1 2]", "a comma or a closing bracket is missing (at byte 4)"},
        {"[1}", "a comma or a closing bracket is missing"},
        {"{\"a\":1]", "a comma or a closing bracket is missing"},
        {"[", "a JSON value is missing"},
        {"[1", "a comma or a closing bracket is missing"},
        {"{", "a field's name in quotes is missing"},
        {"{\"a\":1,}", "a field's name in quotes is missing (at byte 8)"},
        {"{a:1}", "a field's name in quotes is missing"},
        {"{\"a\" 1}", "a colon is missing behind a name"},
        {"{\"a\":}", "a JSON value is missing"},
        {"1 2", "something is left behind the JSON value (at byte 3)"},
        {"{} x", "something is left behind the JSON value"},
        {"nullx", "something is left behind the JSON value"},
        {"01", "a number may not begin with 0"},
        {"-01", "a number may not begin with 0"},
        {"-", "a digit is missing in a number"},
        {"+1", "a JSON value is missing"},
        {".5", "a JSON value is missing"},
        {"1.", "a digit is missing in a number"},
        {"1e", "a digit is missing in a number"},
        {"1e+", "a digit is missing in a number"},
        {"0x10", "something is left behind the JSON value"},
        {"NaN", "a JSON value is missing"},
        {"'a'", "a JSON value is missing"},
        {"\"abc", "a string is not closed"},
        {"\"abc\\", "a string is not closed"},
        {"\"a\nb\"", "a control character in a string"},
        {"\"\\x41\"", "an unknown escape in a string"},
        {"\"\\u12\"", "a \\u escape is cut off, or half of a surrogate pair"},
        {"\"\\u12g4\"", "a \\u escape is cut off"},
        {"\"\\ud83d\"", "half of a surrogate pair"},
        {"\"\\ud83d\\u0041\"", "half of a surrogate pair"},
        {"\"\\ud83dxxxxxx\"", "half of a surrogate pair"},
        {"\"\\udc26\"", "half of a surrogate pair"},
        {"\"\\u0000\"", "\\u0000 is not allowed here"},
        {"\"\xff\"", "a string is not UTF-8"},
        {"\"\xc3\"", "a string is not UTF-8"},
        {"\"\xed\xa0\x80\"", "a string is not UTF-8"},
        {"\xef\xbb\xbf{}", "a JSON value is missing (at byte 1)"},
        {"/*x*/1", "a JSON value is missing"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "field \"a\" is there twice"},
        {"[{\"x\":{\"a\":1,\"\\u0061\":2}}]", "field \"a\" is there twice"},
        {"1234567890123456789012345678901234567890123456789012345678901234", "more than 63 characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *json = NULL;
        struct error error = {0};
        enum status status = parse_copy(cases[i].text, strlen(cases[i].text), &json, &error);
        if (status != STATUS_INVALID || !strstr(error.message, cases[i].message)) {
            print_error("%s: %s\n", cases[i].text, error.message);
            fail();
        }
        assert_null(json);
    }
}

static void test_a_nul_ends_nothing(void **state) {
    (void)state;
    struct json *json = NULL;
    assert_int_equal(parse_copy("{}\0", 3, &json, NULL), STATUS_INVALID);
    assert_int_equal(parse_copy("\"a\0b\"", 5, &json, NULL), STATUS_INVALID);
}

static void test_depth_has_a_limit(void **state) {
    (void)state;
    char text[2 * (JSON_DEPTH_MAX + 1)];
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    struct json *json = NULL;
    struct error error;
    assert_int_equal(parse_copy(text, sizeof text, &json, &error), STATUS_TOO_LARGE);
    assert_non_null(strstr(error.message, "nested too deep"));
    assert_int_equal(parse_copy(text + 1, sizeof text - 2, &json, &error), STATUS_OK);
    json_destroy(json);
}

static void test_the_number_of_values_has_a_limit(void **state) {
    (void)state;
    const size_t size = 2 * (size_t)JSON_VALUES_MAX + 1;
    _cleanup_free_ char *text = malloc(size);
    assert_non_null(text);
    /* [1,1,1, ... 1]: with the array itself one too many. */
    for (size_t i = 0; i < size; i++) {
        text[i] = i == 0 ? '[' : i == size - 1 ? ']' : i % 2 == 1 ? '1' : ',';
    }
    struct json *json = NULL;
    struct error error;
    assert_int_equal(json_parse(slice_make(text, size), &json, &error), STATUS_TOO_LARGE);
    assert_non_null(strstr(error.message, "too many values"));
    text[size - 3] = ']';
    assert_int_equal(json_parse(slice_make(text, size - 2), &json, &error), STATUS_OK);
    assert_int_equal(json_count(json), JSON_VALUES_MAX - 1);
    json_destroy(json);
}

static void test_walks_a_document(void **state) {
    (void)state;
    _cleanup_json_ struct json *json =
        parsed("{\"b\":[10,20],\"a\":null,\"B\":true,\"s\":\"x\",\"o\":{},\"n\":1}");
    const enum json_type types[] = {JSON_ARRAY, JSON_NULL, JSON_BOOL, JSON_STRING, JSON_OBJECT, JSON_NUMBER};
    const char *names[] = {"b", "a", "B", "s", "o", "n"};
    assert_int_equal(json_type(json), JSON_OBJECT);
    assert_int_equal(json_count(json), 6);
    size_t i = 0;
    for (const struct json *field = json_first(json); field; field = json_next(field)) {
        assert_int_equal(json_type(field), types[i]);
        assert_string_equal(json_name(field), names[i]);
        i++;
    }
    assert_int_equal(i, 6);
    assert_int_equal(json_type(json_field(json, "B")), JSON_BOOL);
    assert_null(json_field(json, "A"));
    assert_null(json_field(json_field(json, "b"), "b"));
    assert_null(json_first(json_field(json, "n")));
    assert_string_equal(json_name(json), "");
    assert_string_equal(json_name(json_first(json_field(json, "b"))), "");
}

static void test_numbers_are_exact_or_refused(void **state) {
    (void)state;
    const struct {
        const char *text;
        enum status status;
        int64_t number;
    } cases[] = {
        {"0", STATUS_OK, 0},
        {"-0", STATUS_OK, 0},
        {"1e3", STATUS_OK, 1000},
        {"2.0", STATUS_OK, 2},
        {"9007199254740991", STATUS_OK, 9007199254740991},
        {"-9007199254740991", STATUS_OK, -9007199254740991},
        {"9007199254740992", STATUS_INVALID, 0},
        {"9007199254740993", STATUS_INVALID, 0},
        {"-9007199254740992", STATUS_INVALID, 0},
        {"9223372036854775807", STATUS_INVALID, 0},
        {"1e400", STATUS_INVALID, 0},
        {"-1e400", STATUS_INVALID, 0},
        {"0.5", STATUS_INVALID, 0},
        {"-0.1", STATUS_INVALID, 0},
        {"\"1\"", STATUS_INVALID, 0},
        {"null", STATUS_INVALID, 0},
        {"[]", STATUS_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_json_ struct json *json = parsed(cases[i].text);
        int64_t number = 0;
        struct error error;
        assert_int_equal(json_to_int64(json, "it", INT64_MIN, INT64_MAX, &number, &error), cases[i].status);
        assert_true(number == cases[i].number);
    }
    _cleanup_json_ struct json *large = parsed("9007199254740993");
    int64_t number;
    struct error error;
    assert_int_equal(json_to_int64(large, "it", 0, INT64_MAX, &number, &error), STATUS_INVALID);
    assert_string_equal(error.message, "it must be a whole number from 0 to 9007199254740991");
}

static void test_says_what_a_field_must_be(void **state) {
    (void)state;
    _cleanup_json_ struct json *json =
        parsed("{\"partitions\":1025,\"s\":\"12345\",\"b\":1,\"a\":{},\"n\":null,\"neg\":-1}");
    int64_t number = 77;
    struct slice string = {0};
    bool flag = true;
    const struct json *container = json;
    struct error error;
    assert_int_equal(json_get_int64(json, "partitions", JSON_REQUIRED, 1, 1024, &number, &error),
                     STATUS_INVALID);
    assert_string_equal(error.message, "field \"partitions\" must be a whole number from 1 to 1024");
    assert_int_equal(json_get_int64(json, "neg", JSON_OPTIONAL, 0, 9, &number, &error), STATUS_INVALID);
    assert_int_equal(json_get_int64(json, "none", JSON_REQUIRED, 1, 2, &number, &error), STATUS_INVALID);
    assert_string_equal(error.message, "field \"none\" is missing");
    assert_int_equal(json_get_int64(json, "n", JSON_REQUIRED, 1, 2, &number, &error), STATUS_INVALID);
    assert_int_equal(json_get_string(json, "s", JSON_REQUIRED, 4, &string, &error), STATUS_INVALID);
    assert_string_equal(error.message, "field \"s\" must be a string of at most 4 bytes, it has 5");
    assert_int_equal(json_get_string(json, "b", JSON_OPTIONAL, 4, &string, &error), STATUS_INVALID);
    assert_string_equal(error.message, "field \"b\" must be a string");
    assert_int_equal(json_get_bool(json, "b", JSON_REQUIRED, &flag, &error), STATUS_INVALID);
    assert_string_equal(error.message, "field \"b\" must be true or false");
    assert_int_equal(json_get_container(json, "a", JSON_REQUIRED, JSON_ARRAY, &container, &error),
                     STATUS_INVALID);
    assert_string_equal(error.message, "field \"a\" must be an array");
    assert_int_equal(json_get_container(json, "s", JSON_REQUIRED, JSON_OBJECT, &container, &error),
                     STATUS_INVALID);
    assert_string_equal(error.message, "field \"s\" must be an object");
    assert_int_equal(json_get_int64(json_field(json, "s"), "x", JSON_REQUIRED, 1, 2, &number, &error),
                     STATUS_INVALID);
    assert_string_equal(error.message, "a JSON object is needed, with field \"x\"");
    assert_int_equal(number, 77);
    assert_true(flag);
    assert_ptr_equal(container, json);
}

static void test_gets_fields(void **state) {
    (void)state;
    _cleanup_json_ struct json *json =
        parsed("{\"i\":-5,\"s\":\"V\\u00f6gel\",\"b\":false,\"a\":[1],\"o\":{}}");
    int64_t number = 0;
    struct slice string;
    bool flag = true;
    const struct json *container = NULL;
    assert_int_equal(json_get_int64(json, "i", JSON_REQUIRED, -5, -5, &number, NULL), STATUS_OK);
    assert_int_equal(number, -5);
    assert_int_equal(json_get_string(json, "s", JSON_OPTIONAL, 6, &string, NULL), STATUS_OK);
    assert_true(slice_equal(string, slice_of_string("V\xc3\xb6gel")));
    assert_int_equal(json_get_bool(json, "b", JSON_REQUIRED, &flag, NULL), STATUS_OK);
    assert_false(flag);
    assert_int_equal(json_get_container(json, "a", JSON_REQUIRED, JSON_ARRAY, &container, NULL), STATUS_OK);
    assert_int_equal(json_count(container), 1);
    assert_int_equal(json_get_container(json, "o", JSON_REQUIRED, JSON_OBJECT, &container, NULL), STATUS_OK);
    assert_int_equal(json_count(container), 0);
}

static void test_an_optional_field_may_be_missing_or_null(void **state) {
    (void)state;
    _cleanup_json_ struct json *json = parsed("{\"n\":null}");
    const char *names[] = {"n", "none"};
    for (size_t i = 0; i < 2; i++) {
        int64_t number = 3;
        struct slice string = slice_of_string("default");
        bool flag = true;
        const struct json *container = json;
        assert_int_equal(json_get_int64(json, names[i], JSON_OPTIONAL, 1, 2, &number, NULL), STATUS_OK);
        assert_int_equal(json_get_string(json, names[i], JSON_OPTIONAL, 1, &string, NULL), STATUS_OK);
        assert_int_equal(json_get_bool(json, names[i], JSON_OPTIONAL, &flag, NULL), STATUS_OK);
        enum status status = json_get_container(json, names[i], JSON_OPTIONAL, JSON_ARRAY, &container, NULL);
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(number, 3);
        assert_true(slice_equal(string, slice_of_string("default")));
        assert_true(flag);
        assert_ptr_equal(container, json);
    }
}

static void test_unknown_fields_are_named(void **state) {
    (void)state;
    const char *const names[] = {"a", "b", NULL};
    struct error error;
    _cleanup_json_ struct json *good = parsed("{\"b\":1}");
    assert_int_equal(json_only_fields(good, names, &error), STATUS_OK);
    _cleanup_json_ struct json *bad = parsed("{\"a\":1,\"c\":2}");
    assert_int_equal(json_only_fields(bad, names, &error), STATUS_INVALID);
    assert_string_equal(error.message, "field \"c\" is not known");
    _cleanup_json_ struct json *array = parsed("[]");
    assert_int_equal(json_only_fields(array, names, &error), STATUS_INVALID);
}

/* cJSON's own allocations, so that they fail with ours. */
static void *take_memory(size_t size) {
    return malloc(size);
}

static void test_says_where_memory_is_short(void **state) {
    (void)state;
    static const char text[] = "{\"a\":[1,\"s\",{}],\"b\":{\"c\":null,\"d\":true}}";
    uint64_t nth = 1;
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = take_memory, .free_fn = free});
    for (bool failed = true; failed; nth++) {
        struct json *json = NULL;
        struct error error = {0};
        allocation_fail_at(nth);
        enum status status = json_parse(slice_of_string(text), &json, &error);
        failed = allocation_failed();
        assert_int_equal(status, failed ? STATUS_NO_MEMORY : STATUS_OK);
        assert_int_equal(json == NULL, failed);
        assert_int_equal(error.message[0] != '\0', failed);
        json_destroy(json);
    }
    cJSON_InitHooks(NULL);
    assert_true(nth > 12); /* each value, each name, and the names of an object once more */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_what_json_is),
        cmocka_unit_test(test_refuses_what_json_is_not),
        cmocka_unit_test(test_a_nul_ends_nothing),
        cmocka_unit_test(test_depth_has_a_limit),
        cmocka_unit_test(test_the_number_of_values_has_a_limit),
        cmocka_unit_test(test_walks_a_document),
        cmocka_unit_test(test_numbers_are_exact_or_refused),
        cmocka_unit_test(test_says_what_a_field_must_be),
        cmocka_unit_test(test_gets_fields),
        cmocka_unit_test(test_an_optional_field_may_be_missing_or_null),
        cmocka_unit_test(test_unknown_fields_are_named),
        cmocka_unit_test(test_says_where_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
