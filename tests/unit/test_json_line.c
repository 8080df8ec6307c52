#include "allocation.h"
#include "aviary/base/cleanup.h"
#include "aviary/base/prng.h"
#include "aviary/base/utf8.h"
#include "aviary/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SCRATCH_MAX = 100000 };

/* Of one line: its copy of just its size, so that the sanitizer sees a read beyond it, and what came of it.
 */
struct parsed {
    char *copy;
    struct buffer scratch;
    struct json_line line;
    struct error error;
    enum status status;
};

static void parse_bytes(struct parsed *parsed, const void *bytes, size_t size) {
    parsed->copy = malloc(size > 0 ? size : 1);
    assert_non_null(parsed->copy);
    memcpy(parsed->copy, bytes, size);
    buffer_init(&parsed->scratch, SCRATCH_MAX);
    memset(&parsed->line, 0xa5, sizeof parsed->line);
    parsed->error.message[0] = '\0';
    parsed->status =
        json_line_parse(slice_make(parsed->copy, size), &parsed->scratch, &parsed->line, &parsed->error);
}

static void parsed_finish(struct parsed *parsed) {
    free(parsed->copy);
    buffer_finish(&parsed->scratch);
}
#define _cleanup_parsed_ __attribute__((cleanup(parsed_finish)))

static void parse(struct parsed *parsed, const char *text) {
    parse_bytes(parsed, text, strlen(text));
    if (parsed->status != STATUS_OK) {
        print_error("%s: %s\n", text, parsed->error.message);
        fail();
    }
}

static bool is(struct slice slice, const char *text) {
    return slice_equal(slice, slice_of_string(text));
}

static void test_reads_all_fields(void **state) {
    (void)state;
    _cleanup_parsed_ struct parsed p;
    parse(&p,
          "{\"key\":\"k\",\"value\":\"v\",\"headers\":{\"a\":\"1\",\"b\":null},\"timestamp\":1700000000000,"
          "\"partition\":3}");
    assert_true(p.line.has_key && is(p.line.key, "k"));
    assert_true(p.line.has_value && is(p.line.value, "v"));
    assert_true(p.line.has_timestamp && p.line.timestamp_ms == 1700000000000);
    assert_true(p.line.has_partition && p.line.partition == 3);
    assert_int_equal(p.line.header_count, 2);
    assert_true(is(p.line.headers[0].key, "a") && p.line.headers[0].has_value);
    assert_true(is(p.line.headers[0].value, "1"));
    assert_true(is(p.line.headers[1].key, "b") && !p.line.headers[1].has_value);
    /* Without an escape nothing is copied. */
    assert_int_equal(p.scratch.capacity, 0);
    assert_true((const char *)p.line.value.data >= p.copy);
}

static void test_only_the_value_is_needed(void **state) {
    (void)state;
    const char *lines[] = {
        "{\"value\":\"\"}",
        " { \"value\" : \"\" } \r",
        "{\"key\":null,\"headers\":null,\"timestamp\":null,\"partition\":null,\"value\":\"\"}",
        "{\"headers\":{ },\"value\":\"\"}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        _cleanup_parsed_ struct parsed p;
        parse(&p, lines[i]);
        assert_false(p.line.has_key || p.line.has_timestamp || p.line.has_partition);
        assert_true(p.line.has_value);
        assert_int_equal(p.line.value.size, 0);
        assert_int_equal(p.line.header_count, 0);
    }
}

static void test_a_value_may_be_anything(void **state) {
    (void)state;
    const struct {
        const char *line;
        const char *value; /* NULL: none */
    } cases[] = {
        {"{\"value\":null}", NULL},
        {"{\"value\":\"null\"}", "null"},
        {"{\"value\":17}", "17"},
        {"{\"value\": -1.50e3 }", "-1.50e3"},
        {"{\"value\":true}", "true"},
        {"{\"value\":false ,\"key\":\"k\"}", "false"},
        {"{\"value\":[1, 2,\t{}]}", "[1, 2,\t{}]"},
        {"{\"value\": {\"a\" : \"\\u0041\", \"a\":[]} }", "{\"a\" : \"\\u0041\", \"a\":[]}"},
        {"{\"value\":1234567890123456789012345678901234567890123456789012345678901234567890}",
         "1234567890123456789012345678901234567890123456789012345678901234567890"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_parsed_ struct parsed p;
        parse(&p, cases[i].line);
        assert_int_equal(p.line.has_value, cases[i].value != NULL);
        assert_true(is(p.line.value, cases[i].value ? cases[i].value : ""));
    }
}

static void test_escapes_stand_for_their_bytes(void **state) {
    (void)state;
    _cleanup_parsed_ struct parsed p;
    parse(&p, "{\"ke\\u0079\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"value\":\"V\\u00f6gel \\u9ce5 \\ud83d\\udc26 "
              "\\u0000.\","
              "\"headers\":{\"\\n\":\"\\t\",\"plain\":\"\\u007A\"}}");
    assert_true(is(p.line.key, "\"\\/\b\f\n\r\t"));
    const char value[] = "V\xc3\xb6gel \xe9\xb3\xa5 \xf0\x9f\x90\xa6 \0.";
    assert_true(slice_equal(p.line.value, slice_make(value, sizeof value - 1)));
    assert_true(is(p.line.headers[0].key, "\n") && is(p.line.headers[0].value, "\t"));
    assert_true(is(p.line.headers[1].key, "plain") && is(p.line.headers[1].value, "z"));
}

static void test_whole_numbers_are_exact(void **state) {
    (void)state;
    _cleanup_parsed_ struct parsed p;
    parse(&p, "{\"timestamp\":9223372036854775807,\"partition\":1023,\"value\":\"\"}");
    assert_true(p.line.timestamp_ms == INT64_MAX);
    assert_int_equal(p.line.partition, 1023);
    _cleanup_parsed_ struct parsed zero;
    parse(&zero, "{\"timestamp\":0,\"partition\":-0,\"value\":\"\"}");
    assert_true(zero.line.has_timestamp && zero.line.timestamp_ms == 0);
    assert_true(zero.line.has_partition && zero.line.partition == 0);
}

static void test_a_header_may_be_there_twice(void **state) {
    (void)state;
    _cleanup_parsed_ struct parsed p;
    parse(&p, "{\"value\":1,\"headers\":{\"h\":\"1\",\"h\":\"2\",\"\":\"\"}}");
    assert_int_equal(p.line.header_count, 3);
    assert_true(is(p.line.headers[0].value, "1") && is(p.line.headers[1].value, "2"));
    assert_true(p.line.headers[2].has_value && p.line.headers[2].key.size == 0);
}

static void test_says_what_is_wrong(void **state) {
    (void)state;
    const struct {
        const char *line;
        const char *message;
    } cases[] = {
        {"", "a line must be a JSON object (at byte 1)"},
        {"[]", "a line must be a JSON object"},
        {"\"v\"", "a line must be a JSON object"},
        {"{}", "field \"value\" is missing"},
        {"{\"key\":\"k\"}", "field \"value\" is missing"},
        {"{\"value\":1", "a comma or a closing bracket is missing (at byte 11)"},
        {"{\"value\":1,}", "a string in quotes is missing (at byte 12)"},
        {"{\"value\"1}", "a colon is missing behind a name"},
        {"{\"value\":}", "a JSON value is missing"},
        {"{\"value\":1}{", "something is left behind the JSON value (at byte 12)"},
        {"{\"value\":1}\n{\"value\":2}", "something is left behind the JSON value"},
        {"{\"value\":1,\"value\":1}", "a field is there twice (at byte 12)"},
        {"{\"val\":1}",
         "an unknown field: allowed are key, value, headers, timestamp and partition (at byte 2)"},
        {"{\"Value\":1}", "an unknown field"},
        {"{\"key\":1,\"value\":1}", "field \"key\" must be a string or null (at byte 8)"},
        {"{\"key\":nul,\"value\":1}", "field \"key\" must be a string or null"},
        {"{\"key\":nullx,\"value\":1}", "a comma or a closing bracket is missing"},
        {"{\"headers\":[],\"value\":1}", "field \"headers\" must be an object or null"},
        {"{\"headers\":{\"a\":1},\"value\":1}", "a header must be a string or null"},
        {"{\"headers\":{\"a\"},\"value\":1}", "a colon is missing behind a name"},
        {"{\"headers\":{1:\"\"},\"value\":1}", "a string in quotes is missing"},
        {"{\"timestamp\":-1,\"value\":1}", "field \"timestamp\" must be a whole number"},
        {"{\"timestamp\":9223372036854775808,\"value\":1}", "field \"timestamp\" must be a whole number"},
        {"{\"timestamp\":99999999999999999999999,\"value\":1}", "field \"timestamp\" must be a whole number"},
        {"{\"timestamp\":1.0,\"value\":1}", "field \"timestamp\" must be a whole number"},
        {"{\"timestamp\":1e3,\"value\":1}", "field \"timestamp\" must be a whole number"},
        {"{\"timestamp\":01,\"value\":1}", "field \"timestamp\" must be a whole number"},
        {"{\"timestamp\":\"1\",\"value\":1}", "field \"timestamp\" must be a whole number"},
        {"{\"timestamp\":-,\"value\":1}", "field \"timestamp\" must be a whole number"},
        {"{\"partition\":1024,\"value\":1}", "field \"partition\" must be the number of a partition"},
        {"{\"partition\":-1,\"value\":1}", "0 or more, or null (at byte 14)"},
        {"{\"value\":\"\xff\"}", "a string is not UTF-8"},
        {"{\"value\":[\"\xff\"]}", "a string is not UTF-8"},
        {"{\"value\":\"\\ud800\"}", "half of a surrogate pair"},
        {"{\"value\":\"a\tb\"}", "a control character in a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_parsed_ struct parsed p;
        parse_bytes(&p, cases[i].line, strlen(cases[i].line));
        if (p.status != STATUS_INVALID || !strstr(p.error.message, cases[i].message)) {
            print_error("%s: %s\n", cases[i].line, p.error.message);
            fail();
        }
    }
}

static void test_headers_and_depth_have_limits(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, SCRATCH_MAX);
    for (int extra = 0; extra < 2; extra++) {
        buffer_clear(&text);
        buffer_append_string(&text, "{\"value\":1,\"headers\":{");
        for (int i = 0; i < RECORD_HEADERS_MAX + extra; i++) {
            buffer_append_format(&text, "%s\"h%d\":\"\\n\"", i == 0 ? "" : ",", i);
        }
        buffer_append_string(&text, "}}");
        _cleanup_parsed_ struct parsed p;
        parse_bytes(&p, text.data, text.size);
        assert_int_equal(p.status, extra == 0 ? STATUS_OK : STATUS_TOO_LARGE);
    }
    for (int extra = 0; extra < 2; extra++) {
        buffer_clear(&text);
        buffer_append_string(&text, "{\"value\":");
        for (int i = 0; i < JSON_DEPTH_MAX + extra; i++) {
            buffer_append_u8(&text, '[');
        }
        for (int i = 0; i < JSON_DEPTH_MAX + extra; i++) {
            buffer_append_u8(&text, ']');
        }
        buffer_append_string(&text, "}");
        _cleanup_parsed_ struct parsed p;
        parse_bytes(&p, text.data, text.size);
        assert_int_equal(p.status, extra == 0 ? STATUS_OK : STATUS_TOO_LARGE);
    }
}

static void test_the_scratch_has_a_maximum_and_memory_an_end(void **state) {
    (void)state;
    struct slice line = slice_of_string("{\"value\":\"\\n\"}");
    struct json_line parsed;
    struct error error;
    _cleanup_buffer_ struct buffer scratch;
    buffer_init(&scratch, line.size - 1);
    assert_int_equal(json_line_parse(line, &scratch, &parsed, &error), STATUS_TOO_LARGE);
    _cleanup_buffer_ struct buffer enough;
    buffer_init(&enough, line.size);
    allocation_fail_at(1);
    assert_int_equal(json_line_parse(line, &enough, &parsed, &error), STATUS_NO_MEMORY);
    assert_true(allocation_failed());
    assert_int_equal(json_line_parse(line, &enough, &parsed, &error), STATUS_OK);
    assert_true(is(parsed.value, "\n"));
}

static const char EXAMPLE[] = "{\"key\":\"k\\u00e9\",\"value\":{\"a\":[1,2.5e3,\"\\ud83d\\udc26\",null]},"
                              "\"headers\":{\"h\":\"\\n\",\"i\":null},"
                              "\"timestamp\":1700000000000,\"partition\":3}";
enum { EXAMPLE_SIZE = sizeof EXAMPLE - 1 };

static void test_no_cut_line_passes(void **state) {
    (void)state;
    for (size_t size = 0; size < EXAMPLE_SIZE; size++) {
        _cleanup_parsed_ struct parsed p;
        parse_bytes(&p, EXAMPLE, size);
        assert_int_equal(p.status, STATUS_INVALID);
    }
}

/* Whatever passes is UTF-8, within bounds, and JSON to the other parser too. */
static void assert_sane(const struct parsed *p, struct slice line) {
    assert_true(utf8_valid(p->line.key));
    assert_true(utf8_valid(p->line.value));
    assert_true(p->line.header_count <= RECORD_HEADERS_MAX);
    for (uint32_t i = 0; i < p->line.header_count; i++) {
        assert_true(utf8_valid(p->line.headers[i].key));
        assert_true(utf8_valid(p->line.headers[i].value));
    }
    assert_true(p->line.timestamp_ms >= 0);
    assert_true(p->line.partition < PARTITIONS_PER_TOPIC_MAX);
    _cleanup_json_ struct json *json = NULL;
    struct error error;
    if (json_parse(line, &json, &error) != STATUS_OK) {
        /* It refuses a few things more. */
        assert_true(strstr(error.message, "twice") || strstr(error.message, "u0000"));
    }
}

static void test_spoiled_lines_do_no_harm(void **state) {
    (void)state;
    static const char likely[] = "\"\\{}[]:,ue0129.-+ \t\n\xff\xc3\xa9"
                                 "dD8nlt";
    struct prng prng;
    prng_init(&prng, 20261);
    unsigned passed = 0;
    for (int round = 0; round < 100000; round++) {
        char bytes[EXAMPLE_SIZE];
        memcpy(bytes, EXAMPLE, EXAMPLE_SIZE);
        for (uint64_t change = prng_between(&prng, 1, 3); change > 0; change--) {
            char byte = likely[prng_below(&prng, sizeof likely - 1)];
            bytes[prng_below(&prng, EXAMPLE_SIZE)] = prng_chance(&prng, 1, 2) ? byte : (char)prng_next(&prng);
        }
        _cleanup_parsed_ struct parsed p;
        parse_bytes(&p, bytes, EXAMPLE_SIZE);
        if (p.status == STATUS_OK) {
            passed++;
            assert_sane(&p, slice_make(bytes, EXAMPLE_SIZE));
        } else {
            assert_int_equal(p.status, STATUS_INVALID);
        }
    }
    assert_in_range(passed, 1000, 60000);
}

static void random_text(struct prng *prng, struct buffer *out) {
    buffer_clear(out);
    for (uint64_t i = prng_below(prng, 40); i > 0; i--) {
        uint64_t bits = prng_below(prng, 4);
        uint32_t code_point = (uint32_t)prng_below(prng, bits == 0 ? 0x20 : bits == 1 ? 0x80 : 0x10ffff);
        code_point = code_point >= 0xd800 && code_point <= 0xdfff ? 'x' : code_point;
        uint8_t bytes[UTF8_SEQUENCE_MAX];
        buffer_append(out, bytes, utf8_encode(code_point, bytes));
    }
}

static void test_what_the_writer_writes_is_read(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 3);
    for (int round = 0; round < 5000; round++) {
        _cleanup_buffer_ struct buffer key;
        _cleanup_buffer_ struct buffer value;
        _cleanup_buffer_ struct buffer text;
        buffer_init(&key, 1000);
        buffer_init(&value, 1000);
        buffer_init(&text, 10000);
        random_text(&prng, &key);
        random_text(&prng, &value);
        struct json_writer writer;
        json_writer_init(&writer, &text, prng_chance(&prng, 1, 2) ? JSON_PRETTY : JSON_COMPACT);
        json_begin_object(&writer);
        json_key(&writer, "headers");
        json_begin_object(&writer);
        json_key_slice(&writer, buffer_slice(&key));
        json_string(&writer, buffer_slice(&value));
        json_end_object(&writer);
        json_key(&writer, "key");
        json_string(&writer, buffer_slice(&key));
        json_key(&writer, "value");
        json_string(&writer, buffer_slice(&value));
        json_end_object(&writer);
        _cleanup_parsed_ struct parsed p;
        parse_bytes(&p, text.data, text.size);
        assert_int_equal(p.status, STATUS_OK);
        assert_true(slice_equal(p.line.key, buffer_slice(&key)));
        assert_true(slice_equal(p.line.value, buffer_slice(&value)));
        assert_true(slice_equal(p.line.headers[0].key, buffer_slice(&key)));
        assert_true(slice_equal(p.line.headers[0].value, buffer_slice(&value)));
    }
}

static void test_splits_lines(void **state) {
    (void)state;
    const char *lines[] = {"one", "", "two", "t\rhree", "four"};
    struct slice rest = slice_of_string("one\n\ntwo\r\nt\rhree\nfour");
    struct slice line;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_true(json_line_split(&rest, &line));
        assert_true(is(line, lines[i]));
    }
    assert_false(json_line_split(&rest, &line));
    rest = slice_of_string("ends\n");
    assert_true(json_line_split(&rest, &line));
    assert_false(json_line_split(&rest, &line));
    rest = slice_of_string("\n");
    assert_true(json_line_split(&rest, &line));
    assert_int_equal(line.size, 0);
    assert_false(json_line_split(&rest, &line));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_all_fields),
        cmocka_unit_test(test_only_the_value_is_needed),
        cmocka_unit_test(test_a_value_may_be_anything),
        cmocka_unit_test(test_escapes_stand_for_their_bytes),
        cmocka_unit_test(test_whole_numbers_are_exact),
        cmocka_unit_test(test_a_header_may_be_there_twice),
        cmocka_unit_test(test_says_what_is_wrong),
        cmocka_unit_test(test_headers_and_depth_have_limits),
        cmocka_unit_test(test_the_scratch_has_a_maximum_and_memory_an_end),
        cmocka_unit_test(test_no_cut_line_passes),
        cmocka_unit_test(test_spoiled_lines_do_no_harm),
        cmocka_unit_test(test_what_the_writer_writes_is_read),
        cmocka_unit_test(test_splits_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
