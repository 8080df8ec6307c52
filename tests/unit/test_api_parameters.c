#include "aviary/base/cleanup.h"

#include "allocation.h"
#include "api/parameters.h"
#include "api_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct http_request request;

static int setup(void **state) {
    (void)state;
    request_init(&request, HTTP_METHOD_POST, "/v1/topics/t/messages");
    return 0;
}

static struct parameters read_ok(void) {
    struct parameters parameters;
    struct error error = {0};
    if (parameters_read(&request, &parameters, &error) != STATUS_OK) {
        print_error("%s\n", error.message);
        fail();
    }
    return parameters;
}

static void assert_refused(void) {
    struct parameters parameters;
    struct error error = {0};
    assert_int_equal(parameters_read(&request, &parameters, &error), STATUS_INVALID);
    assert_true(strlen(error.message) > 10);
}

static void test_defaults(void **state) {
    (void)state;
    struct parameters parameters = read_ok();
    assert_int_equal(parameters.acks, NODE_ACKS_ALL);
    assert_int_equal(parameters.expected_offset, -1);
    assert_false(parameters.has_key || parameters.has_partition || parameters.has_timestamp ||
                 parameters.has_idempotency_key);
}

static void test_reads_query_and_head(void **state) {
    (void)state;
    request_parameter(&request, "key", "k");
    request_header(&request, "x-partition", "7");
    request_parameter(&request, "acks", "1");
    request_header(&request, "X-Timestamp", "1700000000123");
    request_header(&request, "If-Match", "\"42\"");
    request_header(&request, "Idempotency-Key", "once");
    struct parameters parameters = read_ok();
    assert_true(slice_equal(parameters.key, slice_of_string("k")));
    assert_int_equal(parameters.partition, 7);
    assert_int_equal(parameters.acks, NODE_ACKS_LEADER);
    assert_int_equal(parameters.timestamp_ms, 1700000000123);
    assert_int_equal(parameters.expected_offset, 42);
    assert_true(slice_equal(parameters.idempotency_key, slice_of_string("once")));
}

static void test_query_and_head_may_agree_but_not_differ(void **state) {
    (void)state;
    request_parameter(&request, "key", "a");
    request_header(&request, "X-Key", "a");
    (void)read_ok();
    setup(NULL);
    request_parameter(&request, "key", "a");
    request_header(&request, "X-Key", "b");
    assert_refused();
}

static void test_bad_values(void **state) {
    (void)state;
    static const char *const headers[][2] = {
        {"X-Partition", "zero"}, {"X-Partition", "-1"}, {"X-Partition", "4294967296"},
        {"X-Acks", "2"},         {"X-Acks", "ALL"},     {"X-Timestamp", "-1"},
        {"X-Timestamp", "now"},  {"If-Match", "42"},    {"If-Match", "*"},
        {"If-Match", "W/\"1\""}, {"If-Match", "\"\""},  {"Idempotency-Key", ""},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        setup(NULL);
        request_header(&request, headers[i][0], headers[i][1]);
        assert_refused();
    }
}

static void test_idempotency_keys_are_bounded(void **state) {
    (void)state;
    char key[IDEMPOTENCY_KEY_SIZE_MAX + 2] = {0};
    memset(key, 'k', IDEMPOTENCY_KEY_SIZE_MAX);
    request_header(&request, "Idempotency-Key", key);
    (void)read_ok();
    setup(NULL);
    key[IDEMPOTENCY_KEY_SIZE_MAX] = 'k';
    request_header(&request, "Idempotency-Key", key);
    assert_refused();
}

static void test_record_headers_lose_prefix_and_case(void **state) {
    (void)state;
    request_header(&request, "X-Header-Colour", "Blue");
    request_header(&request, "Content-Type", "text/plain");
    request_header(&request, "x-header-", "no name");
    request_header(&request, "x-header-B", "2");
    _cleanup_buffer_ struct buffer names;
    buffer_init(&names, HTTP_HEAD_BYTES_MAX);
    struct record_header headers[RECORD_HEADERS_MAX];
    uint32_t count;
    assert_int_equal(parameters_read_headers(&request, &names, headers, &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(slice_equal(headers[0].key, slice_of_string("colour")));
    assert_true(slice_equal(headers[0].value, slice_of_string("Blue")));
    assert_true(slice_equal(headers[1].key, slice_of_string("b")));
}

static struct hash128 hash(enum payload_class payload_class) {
    struct parameters parameters = read_ok();
    struct hash128 result;
    assert_int_equal(parameters_hash(&request, &parameters, payload_class, &result), STATUS_OK);
    return result;
}

static void test_payload_is_what_was_sent(void **state) {
    (void)state;
    request.body = slice_of_string("body");
    struct hash128 bare = hash(PAYLOAD_RAW);
    struct hash128 same = hash(PAYLOAD_RAW);
    assert_true(hash128_equal(&bare, &same));
    struct hash128 of_class = hash(PAYLOAD_NDJSON);
    assert_false(hash128_equal(&bare, &of_class));

    static const char *const headers[][2] = {
        {"X-Key", ""}, {"X-Partition", "0"}, {"X-Timestamp", "0"}, {"X-Header-A", ""}};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        setup(NULL);
        request.body = slice_of_string("body");
        request_header(&request, headers[i][0], headers[i][1]);
        struct hash128 other = hash(PAYLOAD_RAW);
        assert_false(hash128_equal(&bare, &other));
    }
    setup(NULL);
    request.body = slice_of_string("bodY");
    struct hash128 other = hash(PAYLOAD_RAW);
    assert_false(hash128_equal(&bare, &other));
}

/* Neither how it is acknowledged, nor what else stands in the head, nor where the key stands. */
static void test_payload_leaves_out_what_is_none(void **state) {
    (void)state;
    request.body = slice_of_string("body");
    request_parameter(&request, "key", "k");
    struct hash128 first = hash(PAYLOAD_RAW);
    setup(NULL);
    request.body = slice_of_string("body");
    request_header(&request, "X-Key", "k");
    request_header(&request, "X-Acks", "1");
    request_header(&request, "If-Match", "\"1\"");
    request_header(&request, "Idempotency-Key", "i");
    request_header(&request, "User-Agent", "curl");
    struct hash128 second = hash(PAYLOAD_RAW);
    assert_true(hash128_equal(&first, &second));
}

/* The boundaries of fields count: no two different requests may look the same. */
static void test_payload_keeps_fields_apart(void **state) {
    (void)state;
    request_header(&request, "X-Header-A", "b\1c");
    struct hash128 first = hash(PAYLOAD_RAW);
    setup(NULL);
    request_header(&request, "X-Header-A\1b", "c");
    struct hash128 second = hash(PAYLOAD_RAW);
    assert_false(hash128_equal(&first, &second));
}

static void test_partition_by_key_is_kafkas(void **state) {
    (void)state;
    struct parameters parameters = {.has_idempotency_key = false};
    struct partition_choice choice = {.partition_count = 16, .sticky = 35, .parameters = &parameters};
    struct slice key = slice_of_string("foobar");
    assert_int_equal(partition_choose(&choice, true, key, 0), (hash_murmur2(key) & 0x7fffffff) % 16);
    assert_int_equal(partition_choose(&choice, false, key, 0), 35 % 16);
    assert_int_equal(partition_choose(&choice, false, key, 1), 35 % 16);
}

static void test_partition_by_idempotency_key_stays(void **state) {
    (void)state;
    struct parameters parameters = {.has_idempotency_key = true, .idempotency_key = slice_of_string("once")};
    struct partition_choice choice = {.partition_count = 16, .sticky = 1, .parameters = &parameters};
    uint32_t used = 0;
    for (uint64_t line = 0; line < 200; line++) {
        choice.sticky = 1;
        uint32_t first = partition_choose(&choice, false, (struct slice){0}, line);
        choice.sticky = 2;
        assert_int_equal(partition_choose(&choice, false, (struct slice){0}, line), first);
        assert_in_range(first, 0, 15);
        used |= 1U << first;
    }
    assert_int_equal(used, 0xffff);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    struct parameters parameters;
    struct record_header headers[RECORD_HEADERS_MAX];
    request_init(&request, HTTP_METHOD_POST, "/v1/topics/t/messages");
    request_header(&request, "X-Header-A", "1");
    request_header(&request, "X-Key", "key");
    assert_int_equal(parameters_read(&request, &parameters, NULL), STATUS_OK);
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        struct hash128 hash = {{0xee}};
        struct hash128 untouched = hash;
        allocation_fail_at(nth);
        enum status status = parameters_hash(&request, &parameters, PAYLOAD_RAW, &hash);
        failed = allocation_failed();
        assert_int_equal(status, failed ? STATUS_NO_MEMORY : STATUS_OK);
        assert_int_equal(hash128_equal(&hash, &untouched), failed);
    }
    assert_true(nth > 3);
    _cleanup_buffer_ struct buffer names;
    buffer_init(&names, HTTP_HEAD_BYTES_MAX);
    uint32_t count = 77;
    allocation_fail_at(1);
    assert_int_equal(parameters_read_headers(&request, &names, headers, &count), STATUS_NO_MEMORY);
    assert_true(allocation_failed());
    assert_int_equal(count, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, setup),
        cmocka_unit_test_setup(test_reads_query_and_head, setup),
        cmocka_unit_test_setup(test_query_and_head_may_agree_but_not_differ, setup),
        cmocka_unit_test_setup(test_bad_values, setup),
        cmocka_unit_test_setup(test_idempotency_keys_are_bounded, setup),
        cmocka_unit_test_setup(test_record_headers_lose_prefix_and_case, setup),
        cmocka_unit_test_setup(test_payload_is_what_was_sent, setup),
        cmocka_unit_test_setup(test_payload_leaves_out_what_is_none, setup),
        cmocka_unit_test_setup(test_payload_keeps_fields_apart, setup),
        cmocka_unit_test(test_partition_by_key_is_kafkas),
        cmocka_unit_test(test_partition_by_idempotency_key_stays),
        cmocka_unit_test_setup(test_memory_runs_out, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
