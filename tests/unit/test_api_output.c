#include "aviary/base/cleanup.h"

#include "api/fetch_output.h"
#include "api/latency.h"
#include "api/simple_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { BASE_OFFSET = 100, OUT_MAX = 100000 };

static struct buffer batch;
static struct buffer out;
static struct buffer scratch;

static int setup(void **state) {
    (void)state;
    buffer_init(&batch, OUT_MAX);
    buffer_init(&out, OUT_MAX);
    buffer_init(&scratch, OUT_MAX);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buffer_finish(&batch);
    buffer_finish(&out);
    buffer_finish(&scratch);
    return 0;
}

static struct record value(const char *text) {
    return (struct record){.has_value = true, .value = slice_of_string(text), .timestamp_ms = 5};
}

static void build(const struct record *records, size_t count) {
    struct record_batch_builder builder;
    record_batch_builder_init(&builder, &batch);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(record_batch_builder_add(&builder, &records[i], NULL), STATUS_OK);
    }
    assert_int_equal(record_batch_builder_finish(&builder, NULL), STATUS_OK);
    record_batch_set_position(batch.data, BASE_OFFSET, 1);
}

static void build_five(void) {
    struct record records[] = {value("a"), value("bb"), value("ccc"), value("dd"), value("e")};
    build(records, 5);
}

static struct fetch_output fetch(enum fetch_format format, int64_t offset, uint32_t limit, size_t bytes_max) {
    struct fetch_output output;
    buffer_clear(&out);
    fetch_output_begin(&output, format, &out, JSON_COMPACT, offset, limit, bytes_max);
    assert_int_equal(fetch_output_batch(&output, buffer_slice(&batch), &scratch, NULL), STATUS_OK);
    fetch_output_end(&output);
    return output;
}

static void assert_out(const char *expected) {
    buffer_append_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
}

static void test_starts_at_the_offset_and_stops_at_the_limit(void **state) {
    (void)state;
    build_five();
    struct fetch_output output = fetch(FETCH_RAW, BASE_OFFSET + 1, 3, 1000);
    assert_int_equal(output.next_offset, BASE_OFFSET + 4);
    assert_int_equal(output.count, 3);
    assert_out("bb\nccc\ndd\n");
}

static void test_bytes_bound_all_but_the_first(void **state) {
    (void)state;
    build_five();
    assert_int_equal(fetch(FETCH_RAW, BASE_OFFSET, 10, 3).count, 2);
    assert_int_equal(fetch(FETCH_RAW, BASE_OFFSET + 2, 10, 1).count, 1);
    assert_int_equal(fetch(FETCH_RAW, BASE_OFFSET, 10, 1000).next_offset, BASE_OFFSET + 5);
}

static void test_batches_come_whole_and_as_they_are(void **state) {
    (void)state;
    build_five();
    struct fetch_output output = fetch(FETCH_BATCH, BASE_OFFSET + 3, 1, 1);
    assert_int_equal(output.count, 5);
    assert_int_equal(output.next_offset, BASE_OFFSET + 5);
    assert_true(slice_equal(buffer_slice(&out), buffer_slice(&batch)));
}

static void test_records_as_json(void **state) {
    (void)state;
    struct record_header header = {
        .key = slice_of_string("h"), .value = slice_of_string("x"), .has_value = true};
    struct record record = value("v\n");
    record.has_key = true;
    record.key = slice_of_string("k");
    record.headers = &header;
    record.header_count = 1;
    struct record tombstone = {.has_value = false, .timestamp_ms = 6};
    build((struct record[]){record, tombstone}, 2);
    (void)fetch(FETCH_JSON, BASE_OFFSET, 10, 1000);
    assert_out("[{\"offset\":100,\"timestamp\":5,\"key\":\"k\",\"value\":\"v\\n\",\"headers\":{\"h\":\"x\"}},"
               "{\"offset\":101,\"timestamp\":6,\"key\":null,\"value\":null,\"headers\":{}}]");
}

static void test_what_is_no_utf8_stands_in_base64(void **state) {
    (void)state;
    struct record_header header = {
        .key = slice_of_string("h"), .value = slice_of_string("\xff"), .has_value = true};
    struct record record = value("\xff\xfe");
    record.has_key = true;
    record.key = slice_of_string("\x80");
    record.headers = &header;
    record.header_count = 1;
    build(&record, 1);
    (void)fetch(FETCH_NDJSON, BASE_OFFSET, 10, 1000);
    assert_out(
        "{\"offset\":100,\"timestamp\":5,\"key\":\"gA==\",\"key_encoding\":\"base64\",\"value\":\"//4=\","
        "\"encoding\":\"base64\",\"headers\":{\"aA==\":\"/w==\"},\"headers_encoding\":\"base64\"}\n");
}

static void test_broken_batches_are_told(void **state) {
    (void)state;
    build_five();
    struct fetch_output output;
    fetch_output_begin(&output, FETCH_RAW, &out, JSON_COMPACT, 0, 10, 1000);
    assert_int_equal(fetch_output_batch(&output, slice_make(batch.data, 30), &scratch, NULL), STATUS_CORRUPT);
}

static struct simple_message read_back(const struct record *record, struct json **json) {
    struct simple_message message;
    simple_message_read(record, json, &message);
    return message;
}

static void test_messages_there_and_back(void **state) {
    (void)state;
    struct simple_message message = {.msg_id = slice_of_string("1"),
                                     .sender = slice_of_string("me"),
                                     .recipient = slice_of_string("\"you\""),
                                     .payload = slice_of_string("hi\n"),
                                     .ts = 9};
    simple_message_write(&message, &scratch);
    struct record record = {.has_value = true, .value = buffer_slice(&scratch)};
    struct json *json;
    struct simple_message back = read_back(&record, &json);
    assert_true(slice_equal(back.recipient, message.recipient));
    assert_true(slice_equal(back.payload, message.payload));
    assert_int_equal(back.ts, 9);
    struct json_writer writer;
    json_writer_init(&writer, &out, JSON_COMPACT);
    simple_message_show(&writer, 3, &back);
    json_destroy(json);
    assert_out("{\"seq\":3,\"msg_id\":\"1\",\"sender\":\"me\",\"recipient\":\"\\\"you\\\"\",\"payload\":"
               "\"hi\\n\",\"ts\":9}");
}

/* Records that the native API wrote. */
static void test_other_records_are_messages_too(void **state) {
    (void)state;
    static const char *const texts[] = {"plain", "{\"msg_id\":1}", "{}", "[", "\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct record record = value(texts[i]);
        struct json *json;
        struct simple_message message = read_back(&record, &json);
        assert_true(slice_equal(message.payload, slice_of_string(texts[i])));
        assert_true(slice_equal(message.sender, slice_of_string("unknown")));
        assert_int_equal(message.ts, 5);
        json_destroy(json);
    }
}

static const char *label(size_t route) {
    return route == LATENCY_ROUTES_MAX ? "none" : "/x";
}

static void test_latencies_are_cumulated(void **state) {
    (void)state;
    static struct latency latency;
    latency_record(&latency, 0, 200, 90);
    latency_record(&latency, 0, 200, 300);
    latency_record(&latency, 0, 200, 99000000);
    latency_record(&latency, LATENCY_ROUTES_MAX, 418, 1);
    latency_append(&latency, label, &out);
    buffer_append_u8(&out, 0);
    const char *text = (const char *)out.data;
    assert_non_null(strstr(text, "_bucket{route=\"/x\",status=\"200\",le=\"0.0001\"} 1\n"));
    assert_non_null(strstr(text, "_bucket{route=\"/x\",status=\"200\",le=\"0.0005\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{route=\"/x\",status=\"200\",le=\"5\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{route=\"/x\",status=\"200\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "_count{route=\"/x\",status=\"200\"} 3\n"));
    assert_non_null(strstr(text, "_count{route=\"none\",status=\"other\"} 1\n"));
    assert_null(strstr(text, "status=\"201\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_starts_at_the_offset_and_stops_at_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_bound_all_but_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batches_come_whole_and_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records_as_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_utf8_stands_in_base64, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_batches_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages_there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_records_are_messages_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_latencies_are_cumulated, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
