#include "aviary/base/crc32c.h"

#include "aviary/base/prng.h"

#include "base/crc32c_sse42.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct vector {
    uint32_t crc;
    uint8_t bytes[48];
    size_t size;
};

/* RFC 3720, appendix B.4. */
static void test_known_answers(void **state) {
    (void)state;
    struct vector vectors[] = {
        {0xe3069283, "123456789", 9}, {0x8a9136aa, {0}, 32}, {0x62a8ab43, {0}, 32},
        {0x46dd794e, {0}, 32},        {0x113fdb5c, {0}, 32}, {0, {0}, 0},
    };
    for (uint8_t i = 0; i < 32; i++) {
        vectors[2].bytes[i] = 0xff;
        vectors[3].bytes[i] = i;
        vectors[4].bytes[i] = (uint8_t)(31 - i);
    }
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct slice bytes = slice_make(vectors[i].bytes, vectors[i].size);
        assert_int_equal(crc32c(bytes), vectors[i].crc);
        assert_int_equal(crc32c_extend_portable(0, bytes), vectors[i].crc);
    }
}

/* The definition, bit by bit. */
static uint32_t crc32c_slowly(uint32_t crc, struct slice slice) {
    crc = ~crc;
    for (size_t i = 0; i < slice.size; i++) {
        crc ^= slice.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

enum { BYTES_SIZE = 40000 };

static void fill(uint8_t *bytes, uint64_t seed) {
    struct prng prng;
    prng_init(&prng, seed);
    for (size_t i = 0; i < BYTES_SIZE; i++) {
        bytes[i] = (uint8_t)prng_next(&prng);
    }
}

/* Sizes on both sides of every lane and step of the fast ones, at every alignment. */
static void test_every_way_gives_the_same(void **state) {
    (void)state;
    static uint8_t bytes[BYTES_SIZE];
    fill(bytes, 2);
    const size_t sizes[] = {0,    1,    7,     8,     9,     15,    767,   768,  769,
                            1536, 1537, 12287, 12288, 12289, 13056, 24576, 39000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t start = 0; start < 9; start++) {
            struct slice slice = slice_make(bytes + start, sizes[i]);
            uint32_t expected = crc32c_slowly(0x12345678, slice);
            assert_int_equal(crc32c_extend(0x12345678, slice), expected);
            assert_int_equal(crc32c_extend_portable(0x12345678, slice), expected);
        }
    }
}

static void test_goes_on_from_any_cut(void **state) {
    (void)state;
    static uint8_t bytes[BYTES_SIZE];
    fill(bytes, 3);
    uint32_t whole = crc32c(slice_make(bytes, BYTES_SIZE));
    struct prng prng;
    prng_init(&prng, 4);
    for (int i = 0; i < 200; i++) {
        size_t cut = prng_below(&prng, BYTES_SIZE);
        uint32_t front = crc32c(slice_make(bytes, cut));
        struct slice back = slice_make(bytes + cut, BYTES_SIZE - cut);
        assert_int_equal(crc32c_extend(front, back), whole);
        assert_int_equal(crc32c_extend_portable(front, back), whole);
    }
}

static void test_the_processor_is_used_where_it_can(void **state) {
    (void)state;
#if defined(__x86_64__)
    __builtin_cpu_init();
    assert_int_equal(crc32c_sse42_present(), __builtin_cpu_supports("sse4.2") != 0);
#else
    assert_false(crc32c_sse42_present());
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_every_way_gives_the_same),
        cmocka_unit_test(test_goes_on_from_any_cut),
        cmocka_unit_test(test_the_processor_is_used_where_it_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
