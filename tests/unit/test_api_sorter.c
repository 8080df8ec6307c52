#include "allocation.h"
#include "aviary/base/cleanup.h"

#include "api/sorter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW_MS = 1000 };

struct fixture {
    struct parameters parameters;
    struct partition_choice choice;
    struct sorter sorter;
    struct error error;
    enum status status;
};

static void take(struct fixture *fixture, uint32_t partition_count, const char *body, bool values_only) {
    fixture->choice = (struct partition_choice){
        .partition_count = partition_count, .sticky = 1, .parameters = &fixture->parameters};
    fixture->error.message[0] = '\0';
    fixture->status = sorter_init(&fixture->sorter, &fixture->choice, NOW_MS);
    if (fixture->status == STATUS_OK) {
        fixture->status = sorter_take(&fixture->sorter, slice_of_string(body), values_only, &fixture->error);
    }
    if (fixture->status == STATUS_OK) {
        fixture->status = sorter_finish_batches(&fixture->sorter, &fixture->error);
    }
}

static void fixture_finish(struct fixture *fixture) {
    sorter_finish(&fixture->sorter);
}
#define _cleanup_fixture_ __attribute__((cleanup(fixture_finish)))

/* The batch at that place as "partition:value,value,...;" */
static void append_batch(const struct fixture *fixture, size_t position, struct buffer *out) {
    const struct sorted_batch *batch = fixture->sorter.batches[position];
    struct record_batch_view view;
    struct record_iterator iterator;
    struct record record;
    assert_int_equal(record_batch_check(buffer_slice(&batch->bytes), &view, NULL), STATUS_OK);
    assert_int_equal(view.count, batch->count);
    buffer_append_format(out, "%u:", batch->partition);
    record_iterator_init(&iterator, &view, view.records);
    while (record_iterator_next(&iterator, &record, NULL) == STATUS_OK) {
        buffer_append_slice(out, record.has_value ? record.value : slice_of_string("null"));
        buffer_append_string(out, ",");
    }
    buffer_append_string(out, ";");
}

static void assert_batches(const struct fixture *fixture, const char *expected) {
    if (fixture->status != STATUS_OK) {
        print_error("%s\n", fixture->error.message);
        fail();
    }
    _cleanup_buffer_ struct buffer found;
    buffer_init(&found, 10000);
    for (size_t i = 0; i < fixture->sorter.batch_count; i++) {
        append_batch(fixture, i, &found);
    }
    buffer_append_u8(&found, 0);
    assert_string_equal((const char *)found.data, expected);
}

static void test_records_go_where_they_say(void **state) {
    (void)state;
    _cleanup_fixture_ struct fixture fixture = {0};
    take(&fixture, 4,
         "{\"value\":\"a\",\"partition\":2}\n{\"value\":\"b\",\"partition\":0}\r\n\n"
         "{\"value\":\"c\",\"partition\":2}\n{\"value\":null,\"partition\":0}",
         false);
    assert_batches(&fixture, "2:a,c,;0:b,null,;");
}

static void test_records_without_a_place_stay_together(void **state) {
    (void)state;
    _cleanup_fixture_ struct fixture fixture = {0};
    take(&fixture, 4, "{\"value\":\"a\"}\n{\"value\":\"b\"}\n", false);
    assert_batches(&fixture, "1:a,b,;");
}

static void test_request_gives_defaults(void **state) {
    (void)state;
    _cleanup_fixture_ struct fixture fixture = {
        .parameters = {.has_partition = true, .partition = 3, .has_timestamp = true, .timestamp_ms = 7}};
    take(&fixture, 4, "{\"value\":\"a\"}\n{\"value\":\"b\",\"timestamp\":9,\"partition\":3}\n", false);
    assert_batches(&fixture, "3:a,b,;");
    struct record_batch_view view;
    assert_int_equal(record_batch_decode(buffer_slice(&fixture.sorter.batches[0]->bytes), &view, NULL),
                     STATUS_OK);
    assert_int_equal(view.base_timestamp_ms, 7);
    assert_int_equal(view.max_timestamp_ms, 9);
}

/* Byte for byte: an empty line is an empty value, and only "\n" ends one. */
static void test_values_are_lines_as_they_stand(void **state) {
    (void)state;
    _cleanup_fixture_ struct fixture fixture = {.parameters = {.has_partition = true}};
    take(&fixture, 1, "a\r\n\n{\"value\":1}\nlast", true);
    assert_batches(&fixture, "0:a\r,,{\"value\":1},last,;");
}

static void assert_refused(const char *body, bool values_only, enum status status, const char *where) {
    _cleanup_fixture_ struct fixture fixture = {0};
    take(&fixture, 2, body, values_only);
    assert_int_equal(fixture.status, status);
    assert_non_null(strstr(fixture.error.message, where));
}

static void test_refusals_name_the_line(void **state) {
    (void)state;
    assert_refused("", false, STATUS_INVALID, "no record");
    assert_refused("\n\n", false, STATUS_INVALID, "no record");
    assert_refused("", true, STATUS_INVALID, "no record");
    assert_refused("{\"value\":1}\n{\"value\":}\n", false, STATUS_INVALID, "line 2");
    assert_refused("{\"value\":1}\n\n{\"valu\":1}\n", false, STATUS_INVALID, "line 3");
    assert_refused("{\"value\":1,\"partition\":2}", false, STATUS_OUT_OF_RANGE, "line 1");
}

static void test_tells_lines_by_partition(void **state) {
    (void)state;
    _cleanup_fixture_ struct fixture fixture = {0};
    take(&fixture, 2,
         "{\"value\":1,\"partition\":1}\n\n{\"value\":2,\"partition\":0}\n{\"value\":3,\"partition\":1}\n",
         false);
    assert_int_equal(fixture.status, STATUS_OK);
    _cleanup_buffer_ struct buffer lines;
    buffer_init(&lines, 100);
    sorter_append_lines(&fixture.sorter, 1, &lines);
    assert_true(slice_equal(buffer_slice(&lines), slice_of_string("[1,4]")));
}

static void test_survives_any_failed_allocation(void **state) {
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        _cleanup_fixture_ struct fixture fixture = {0};
        allocation_fail_at(nth);
        take(&fixture, 2, "{\"value\":\"\\u0061\",\"partition\":1}\n{\"value\":2,\"partition\":0}\n", false);
        if (!allocation_failed()) {
            assert_int_equal(fixture.status, STATUS_OK);
            break;
        }
        assert_int_equal(fixture.status, STATUS_NO_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_go_where_they_say),
        cmocka_unit_test(test_records_without_a_place_stay_together),
        cmocka_unit_test(test_request_gives_defaults),
        cmocka_unit_test(test_values_are_lines_as_they_stand),
        cmocka_unit_test(test_refusals_name_the_line),
        cmocka_unit_test(test_tells_lines_by_partition),
        cmocka_unit_test(test_survives_any_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
