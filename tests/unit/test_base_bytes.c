#include "aviary/base/buffer.h"
#include "aviary/base/bytes.h"
#include "aviary/base/cleanup.h"
#include "aviary/base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_both_byte_orders(void **state) {
    (void)state;
    uint8_t raw[8];
    bytes_put_u32be(raw, 0x01020304);
    assert_memory_equal(raw, "\1\2\3\4", 4);
    assert_int_equal(bytes_get_u32be(raw), 0x01020304);
    assert_int_equal(bytes_get_u32le(raw), 0x04030201);
    bytes_put_u64be(raw, 0x0102030405060708u);
    assert_memory_equal(raw, "\1\2\3\4\5\6\7\10", 8);
    assert_int_equal(bytes_get_u64le(raw), 0x0807060504030201u);
    bytes_put_u16be(raw, 0x0102);
    assert_int_equal(bytes_get_u16le(raw), 0x0201);
}

static void test_reads_fields_one_after_the_other(void **state) {
    (void)state;
    const uint8_t raw[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x', 'y', 'z'};
    struct reader reader = reader_make(slice_make(raw, sizeof raw));
    assert_int_equal(reader_u8(&reader), 0x01);
    assert_int_equal(reader_u16(&reader), 0x0302);
    assert_int_equal(reader_u32(&reader), 0x07060504);
    assert_int_equal(reader_u64(&reader), 0x0f0e0d0c0b0a0908u);
    assert_false(reader_done(&reader));
    struct slice rest = reader_bytes(&reader, 3);
    assert_true(slice_equal(rest, slice_of_string("xyz")));
    assert_true(reader_ok(&reader));
    assert_true(reader_done(&reader));
}

static void test_after_the_end_everything_is_zero(void **state) {
    (void)state;
    const uint8_t raw[] = {1, 2, 3, 0xff};
    struct reader reader = reader_make(slice_make(raw, sizeof raw));
    assert_int_equal(reader_u64(&reader), 0);
    assert_false(reader_ok(&reader));
    assert_false(reader_done(&reader));
    /* The bytes are there, and still are not given out. */
    assert_int_equal(reader_u8(&reader), 0);
    assert_int_equal(reader_varint(&reader), 0);
    assert_int_equal(reader_bytes(&reader, 1).size, 0);
    uint8_t copy[2] = {7, 7};
    reader_copy(&reader, copy, sizeof copy);
    assert_int_equal(copy[0], 0);
    assert_int_equal(copy[1], 0);
}

static void test_a_negative_size_fails(void **state) {
    (void)state;
    struct reader reader = reader_make(slice_of_string("abc"));
    assert_int_equal(reader_bytes(&reader, (size_t)-1).size, 0);
    assert_false(reader_ok(&reader));
}

static void test_an_empty_slice_has_nothing_and_is_done(void **state) {
    (void)state;
    struct reader reader = reader_make((struct slice){0});
    assert_true(reader_done(&reader));
    assert_int_equal(reader_bytes(&reader, 0).size, 0);
    assert_true(reader_ok(&reader));
    assert_int_equal(reader_varint(&reader), 0);
    assert_false(reader_ok(&reader));
}

struct varint_case {
    int64_t value;
    const char *bytes;
    size_t size;
};

static void test_varints_as_protocol_buffers_has_them(void **state) {
    (void)state;
    const struct varint_case cases[] = {
        {0, "\x00", 1},
        {-1, "\x01", 1},
        {1, "\x02", 1},
        {63, "\x7e", 1},
        {-64, "\x7f", 1},
        {64, "\x80\x01", 2},
        {-65, "\x81\x01", 2},
        {300, "\xd8\x04", 2},
        {INT32_MAX, "\xfe\xff\xff\xff\x0f", 5},
        {INT32_MIN, "\xff\xff\xff\xff\x0f", 5},
        {INT64_MAX, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
        {INT64_MIN, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_buffer_ struct buffer buffer;
        buffer_init(&buffer, 100);
        buffer_append_varint(&buffer, cases[i].value);
        assert_true(slice_equal(buffer_slice(&buffer), slice_make(cases[i].bytes, cases[i].size)));
        assert_int_equal(bytes_varint_size(cases[i].value), cases[i].size);
        struct reader reader = reader_make(buffer_slice(&buffer));
        assert_true(reader_varint(&reader) == cases[i].value);
        assert_true(reader_done(&reader));
    }
}

static void test_any_varint_comes_back(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    for (int i = 0; i < 10000; i++) {
        int64_t value = (int64_t)(prng_next(&prng) >> prng_below(&prng, 64));
        value = prng_chance(&prng, 1, 2) ? -value : value;
        uint8_t raw[VARINT_SIZE_MAX];
        size_t size = bytes_put_varint(raw, value);
        struct reader reader = reader_make(slice_make(raw, size));
        assert_true(reader_varint(&reader) == value);
        assert_true(reader_done(&reader));
        reader = reader_make(slice_make(raw, size - 1));
        (void)reader_varint(&reader);
        assert_false(reader_ok(&reader));
    }
}

static void test_a_varint_has_64_bits_at_most(void **state) {
    (void)state;
    struct reader reader = reader_make(slice_make("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
    assert_int_equal(reader_varint(&reader), 0);
    assert_false(reader_ok(&reader));
    reader = reader_make(slice_make("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11));
    assert_int_equal(reader_varint(&reader), 0);
    assert_false(reader_ok(&reader));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_byte_orders),
        cmocka_unit_test(test_reads_fields_one_after_the_other),
        cmocka_unit_test(test_after_the_end_everything_is_zero),
        cmocka_unit_test(test_a_negative_size_fails),
        cmocka_unit_test(test_an_empty_slice_has_nothing_and_is_done),
        cmocka_unit_test(test_varints_as_protocol_buffers_has_them),
        cmocka_unit_test(test_any_varint_comes_back),
        cmocka_unit_test(test_a_varint_has_64_bits_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
