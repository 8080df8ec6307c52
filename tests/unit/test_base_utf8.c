#include "aviary/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* RFC 3629's grammar, decoded the slow way: the code point of a sequence of `size` bytes, or -1. */
static int32_t decode_slowly(const uint8_t *at, size_t size) {
    const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t lead_mark[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    const int32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if ((at[0] & ~lead_bits[size]) != lead_mark[size]) {
        return -1;
    }
    int32_t value = at[0] & lead_bits[size];
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return -1;
        }
        value = value << 6 | (at[i] & 0x3f);
    }
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < smallest[size] || value > 0x10ffff || surrogate ? -1 : value;
}

static size_t size_slowly(const uint8_t at[4]) {
    for (size_t size = 1; size <= 4; size++) {
        if (decode_slowly(at, size) >= 0) {
            return size;
        }
    }
    return 0;
}

/* All first and second bytes; of the others the ones at the edges. */
static void test_judges_every_beginning_as_the_grammar_does(void **state) {
    (void)state;
    const uint8_t edges[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            for (size_t i = 0; i < sizeof edges; i++) {
                for (size_t k = 0; k < sizeof edges; k++) {
                    const uint8_t bytes[] = {(uint8_t)first, (uint8_t)second, edges[i], edges[k]};
                    assert_int_equal(utf8_sequence_size(slice_make(bytes, 4)), size_slowly(bytes));
                }
            }
        }
    }
}

static void test_every_code_point_comes_back(void **state) {
    (void)state;
    for (uint32_t code_point = 0; code_point <= 0x10ffff; code_point++) {
        if (code_point == 0xd800) {
            code_point = 0xe000;
        }
        uint8_t bytes[UTF8_SEQUENCE_MAX];
        size_t size = utf8_encode(code_point, bytes);
        assert_int_equal(utf8_sequence_size(slice_make(bytes, size)), size);
        assert_int_equal(decode_slowly(bytes, size), code_point);
        assert_int_equal(utf8_sequence_size(slice_make(bytes, size - 1)), 0);
    }
}

static void test_judges_whole_texts(void **state) {
    (void)state;
    assert_true(utf8_valid((struct slice){0}));
    assert_true(utf8_valid(slice_of_string("plain text, longer than eight bytes")));
    assert_true(utf8_valid(slice_of_string("Vögel, 鳥, \xf0\x9f\x90\xa6")));
    assert_false(utf8_valid(slice_of_string("plain text, then \xff")));
    assert_false(utf8_valid(slice_of_string("\x80")));
    assert_false(utf8_valid(slice_of_string("cut \xe9\xb3")));
    assert_true(utf8_valid(slice_make("a\0b", 3)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judges_every_beginning_as_the_grammar_does),
        cmocka_unit_test(test_every_code_point_comes_back),
        cmocka_unit_test(test_judges_whole_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
