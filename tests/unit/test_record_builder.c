#include "allocation.h"
#include "aviary/base/cleanup.h"
#include "record_batches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct record SMALL = {.has_value = true, .value = {(const uint8_t *)"v", 1}};

static void test_writes_what_kafka_writes(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    struct record_batch_builder builder;
    record_batch_builder_init(&builder, &out);
    for (int i = 0; i < GOLDEN_RECORDS; i++) {
        assert_int_equal(record_batch_builder_add(&builder, &GOLDEN[i], NULL), STATUS_OK);
    }
    assert_int_equal(record_batch_builder_finish(&builder, NULL), STATUS_OK);
    assert_true(slice_equal(buffer_slice(&out), slice_make(GOLDEN_BATCH, GOLDEN_SIZE)));
}

static void test_stands_behind_what_the_buffer_holds(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    buffer_append_string(&out, "before");
    for (int round = 0; round < 2; round++) {
        struct record_batch_builder builder;
        record_batch_builder_init(&builder, &out);
        for (int i = 0; i < GOLDEN_RECORDS; i++) {
            assert_int_equal(record_batch_builder_add(&builder, &GOLDEN[i], NULL), STATUS_OK);
        }
        assert_int_equal(record_batch_builder_finish(&builder, NULL), STATUS_OK);
        assert_int_equal(builder.start, 6 + round * GOLDEN_SIZE);
        assert_memory_equal(out.data + builder.start, GOLDEN_BATCH, GOLDEN_SIZE);
    }
    assert_memory_equal(out.data, "before", 6);
}

static void test_needs_a_record(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    struct record_batch_builder builder;
    struct error error;
    record_batch_builder_init(&builder, &out);
    assert_int_equal(record_batch_builder_finish(&builder, &error), STATUS_INVALID);
    assert_string_equal(error.message, "a batch needs at least one record");
}

static void test_a_full_buffer_refuses_one_record_and_keeps_the_others(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    /* A header, and two records of 8 bytes but for one byte. */
    buffer_init(&out, RECORD_BATCH_HEADER_SIZE + 2 * 8 - 1);
    struct record_batch_builder builder;
    struct error error;
    record_batch_builder_init(&builder, &out);
    assert_int_equal(record_batch_builder_add(&builder, &SMALL, &error), STATUS_OK);
    size_t size = out.size;
    assert_int_equal(record_batch_builder_add(&builder, &SMALL, &error), STATUS_TOO_LARGE);
    assert_non_null(strstr(error.message, "record 1 takes 8 bytes and the batch has room for 7"));
    assert_int_equal(out.size, size);
    assert_int_equal(record_batch_builder_finish(&builder, &error), STATUS_OK);
    struct record_batch_view view;
    assert_int_equal(record_batch_check(buffer_slice(&out), &view, &error), STATUS_OK);
    assert_int_equal(view.count, 1);
}

static void test_a_batch_has_its_own_maximum(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, (size_t)4 * RECORD_BATCH_BYTES_MAX);
    static uint8_t bytes[RECORD_BATCH_BYTES_MAX];
    /* Of the record: its length 4, attributes, timestamp, number, key 1 each, value's length 4, headers 1. */
    const size_t around = 4 + 1 + 1 + 1 + 1 + 4 + 1;
    struct record record = {.has_value = true, .value = slice_make(bytes, sizeof bytes)};
    record.value.size = RECORD_BATCH_BYTES_MAX - RECORD_BATCH_HEADER_SIZE - around + 1;
    struct record_batch_builder builder;
    record_batch_builder_init(&builder, &out);
    assert_int_equal(record_batch_builder_add(&builder, &record, NULL), STATUS_TOO_LARGE);
    record.value.size--;
    assert_int_equal(record_batch_builder_add(&builder, &record, NULL), STATUS_OK);
    assert_int_equal(out.size, RECORD_BATCH_BYTES_MAX);
    assert_int_equal(record_batch_builder_add(&builder, &SMALL, NULL), STATUS_TOO_LARGE);
    assert_int_equal(record_batch_builder_finish(&builder, NULL), STATUS_OK);
    struct record_batch_view view;
    assert_int_equal(record_batch_check(buffer_slice(&out), &view, NULL), STATUS_OK);
}

static void test_refuses_too_many_headers_and_times_before_1970(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 10000);
    struct record_batch_builder builder;
    record_batch_builder_init(&builder, &out);
    struct record_header headers[RECORD_HEADERS_MAX + 1] = {0};
    struct record record = {.headers = headers, .header_count = RECORD_HEADERS_MAX + 1};
    struct error error;
    assert_int_equal(record_batch_builder_add(&builder, &record, &error), STATUS_TOO_LARGE);
    assert_string_equal(error.message, "record 0 has 65 headers, at most 64 are allowed");
    record.header_count--;
    assert_int_equal(record_batch_builder_add(&builder, &record, &error), STATUS_OK);
    record.timestamp_ms = -1;
    assert_int_equal(record_batch_builder_add(&builder, &record, &error), STATUS_INVALID);
    record.timestamp_ms = INT64_MAX;
    assert_int_equal(record_batch_builder_add(&builder, &record, &error), STATUS_OK);
    assert_int_equal(record_batch_builder_finish(&builder, &error), STATUS_OK);
    struct record_batch_view view;
    assert_int_equal(record_batch_check(buffer_slice(&out), &view, &error), STATUS_OK);
    assert_true(view.base_timestamp_ms == 0);
    assert_true(view.max_timestamp_ms == INT64_MAX);
    assert_int_equal(view.count, 2);
}

static enum status build_golden(struct buffer *out) {
    struct record_batch_builder builder;
    record_batch_builder_init(&builder, out);
    for (int i = 0; i < GOLDEN_RECORDS; i++) {
        enum status status = record_batch_builder_add(&builder, &GOLDEN[i], NULL);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return record_batch_builder_finish(&builder, NULL);
}

static void test_says_where_memory_is_short(void **state) {
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 1000);
        allocation_fail_at(nth);
        enum status status = build_golden(&out);
        if (!allocation_failed()) {
            assert_int_equal(status, STATUS_OK);
            assert_true(nth > 1);
            break;
        }
        assert_int_equal(status, STATUS_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_what_kafka_writes),
        cmocka_unit_test(test_stands_behind_what_the_buffer_holds),
        cmocka_unit_test(test_needs_a_record),
        cmocka_unit_test(test_a_full_buffer_refuses_one_record_and_keeps_the_others),
        cmocka_unit_test(test_a_batch_has_its_own_maximum),
        cmocka_unit_test(test_refuses_too_many_headers_and_times_before_1970),
        cmocka_unit_test(test_says_where_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
