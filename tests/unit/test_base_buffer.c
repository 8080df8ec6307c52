#include "aborts.h"
#include "allocation.h"

#include "aviary/base/buffer.h"
#include "aviary/base/bytes.h"
#include "aviary/base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_holds(const struct buffer *buffer, const char *text) {
    assert_int_equal(buffer_status(buffer), STATUS_OK);
    assert_true(slice_equal(buffer_slice(buffer), slice_of_string(text)));
}

static void test_begins_empty_and_without_memory(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 10);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(buffer.capacity, 0);
    assert_int_equal(buffer_slice(&buffer).size, 0);
}

static void test_grows_up_to_its_maximum_exactly(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 1000);
    for (int i = 0; i < 1000; i++) {
        buffer_append_u8(&buffer, (uint8_t)i);
    }
    assert_int_equal(buffer_status(&buffer), STATUS_OK);
    assert_int_equal(buffer.size, 1000);
    assert_true(buffer.capacity <= 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(buffer.data[i], (uint8_t)i);
    }
    buffer_append_u8(&buffer, 0);
    assert_int_equal(buffer_status(&buffer), STATUS_TOO_LARGE);
    assert_int_equal(buffer.size, 1000);
}

static void test_appends_nothing_after_a_failure_until_cleared(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 4);
    buffer_append_string(&buffer, "abc");
    buffer_append_string(&buffer, "de");
    assert_int_equal(buffer_status(&buffer), STATUS_TOO_LARGE);
    buffer_append_string(&buffer, "f");
    buffer_append_format(&buffer, "%d", 1);
    assert_null(buffer_extend(&buffer, 1));
    assert_int_equal(buffer_reserve(&buffer, 1), STATUS_TOO_LARGE);
    assert_int_equal(buffer.size, 3);
    buffer_clear(&buffer);
    buffer_append_string(&buffer, "wxyz");
    assert_holds(&buffer, "wxyz");
}

static void test_removes_from_the_front(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_remove_front(&buffer, 0);
    buffer_append_string(&buffer, "0123456789");
    buffer_remove_front(&buffer, 0);
    buffer_remove_front(&buffer, 3);
    assert_int_equal(buffer.size, 7);
    assert_memory_equal(buffer.data, "3456789", 7);
    buffer_remove_front(&buffer, 7);
    assert_int_equal(buffer.size, 0);
    buffer_append_string(&buffer, "a");
    assert_memory_equal(buffer.data, "a", 1);
}

static void test_a_size_near_the_end_of_size_t_does_not_wrap(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_append_string(&buffer, "abc");
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX - 1), STATUS_TOO_LARGE);
}

static void test_extending_by_nothing_is_no_failure(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 4);
    assert_non_null(buffer_extend(&buffer, 0));
    assert_int_equal(buffer.size, 0);
}

static void test_appends_empty_pieces(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 4);
    buffer_append(&buffer, NULL, 0);
    buffer_append_slice(&buffer, (struct slice){0});
    buffer_append_string(&buffer, "");
    assert_int_equal(buffer_status(&buffer), STATUS_OK);
    assert_int_equal(buffer.size, 0);
}

static void test_reserved_room_is_not_moved(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 1000);
    assert_int_equal(buffer_reserve(&buffer, 500), STATUS_OK);
    const uint8_t *before = buffer.data;
    for (int i = 0; i < 500; i++) {
        buffer_append_u8(&buffer, 'x');
    }
    assert_ptr_equal(buffer.data, before);
}

static void test_integers_are_little_endian(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_append_u8(&buffer, 0x01);
    buffer_append_u16(&buffer, 0x0302);
    buffer_append_u32(&buffer, 0x07060504);
    buffer_append_u64(&buffer, 0x0f0e0d0c0b0a0908u);
    const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    assert_true(slice_equal(buffer_slice(&buffer), slice_make(expected, sizeof expected)));
}

static void test_decimals(void **state) {
    (void)state;
    const int64_t values[] = {0, 1, -1, 9, 10, -10, 1234567890, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
        _cleanup_buffer_ struct buffer buffer;
        buffer_init(&buffer, 100);
        buffer_append_decimal(&buffer, values[i]);
        assert_holds(&buffer, expected);
    }
}

static void test_formats_up_to_the_last_byte(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 10);
    buffer_append_format(&buffer, "%s=%d", "answer", 421);
    assert_holds(&buffer, "answer=421");
    buffer_append_format(&buffer, "%s", "");
    assert_int_equal(buffer_status(&buffer), STATUS_OK);
    buffer_append_format(&buffer, "%s", "x");
    assert_int_equal(buffer_status(&buffer), STATUS_TOO_LARGE);
}

static void test_says_where_memory_is_short_and_keeps_what_it_has(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 1000000);
    buffer_append_string(&buffer, "kept");
    allocation_fail_at(1);
    assert_int_equal(buffer_reserve(&buffer, 100000), STATUS_NO_MEMORY);
    assert_true(allocation_failed());
    assert_int_equal(buffer_status(&buffer), STATUS_NO_MEMORY);
    buffer_append_string(&buffer, "lost");
    assert_true(slice_equal(buffer_slice(&buffer), slice_of_string("kept")));
}

static void test_finishes_twice_and_when_zeroed(void **state) {
    (void)state;
    struct buffer buffer = {0};
    buffer_finish(&buffer);
    buffer_init(&buffer, 10);
    buffer_append_string(&buffer, "abc");
    buffer_finish(&buffer);
    buffer_finish(&buffer);
    assert_null(buffer.data);
}

static void init_without_a_maximum(void *argument) {
    buffer_init(argument, 0);
}

static void test_a_buffer_has_a_maximum(void **state) {
    (void)state;
    struct buffer buffer;
    assert_true(aborts(init_without_a_maximum, &buffer));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begins_empty_and_without_memory),
        cmocka_unit_test(test_grows_up_to_its_maximum_exactly),
        cmocka_unit_test(test_appends_nothing_after_a_failure_until_cleared),
        cmocka_unit_test(test_removes_from_the_front),
        cmocka_unit_test(test_a_size_near_the_end_of_size_t_does_not_wrap),
        cmocka_unit_test(test_extending_by_nothing_is_no_failure),
        cmocka_unit_test(test_appends_empty_pieces),
        cmocka_unit_test(test_reserved_room_is_not_moved),
        cmocka_unit_test(test_integers_are_little_endian),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_formats_up_to_the_last_byte),
        cmocka_unit_test(test_says_where_memory_is_short_and_keeps_what_it_has),
        cmocka_unit_test(test_finishes_twice_and_when_zeroed),
        cmocka_unit_test(test_a_buffer_has_a_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
