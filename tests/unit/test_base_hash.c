#include "aviary/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The vectors of SipHash's reference implementation (vectors_sip128): bytes 00 01 02 .. of each length. */
static void test_siphash_vectors(void **state) {
    (void)state;
    const struct {
        size_t size;
        uint8_t hash[HASH128_SIZE];
    } vectors[] = {
        {0, {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93}},
        {1, {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45}},
        {2, {0x81, 0x77, 0x22, 0x8d, 0xa4, 0xa4, 0x5d, 0xc7, 0xfc, 0xa3, 0x8b, 0xde, 0xf6, 0x0a, 0xff, 0xe4}},
        {15,
         {0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11, 0x7e, 0x08, 0xec, 0x0f, 0x97, 0xcf, 0xc3, 0xd9}},
    };
    uint8_t input[16];
    for (uint8_t i = 0; i < sizeof input; i++) {
        input[i] = i;
    }
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct hash128 hash = hash128_of(slice_make(input, vectors[i].size));
        assert_memory_equal(hash.bytes, vectors[i].hash, HASH128_SIZE);
    }
}

static void test_hashes_compare(void **state) {
    (void)state;
    const struct hash128 zero = {0};
    struct hash128 a = hash128_of(slice_of_string("a"));
    struct hash128 again = hash128_of(slice_of_string("a"));
    struct hash128 b = hash128_of(slice_of_string("b"));
    assert_true(hash128_equal(&a, &again));
    assert_false(hash128_equal(&a, &b));
    assert_true(hash128_is_zero(&zero));
    assert_false(hash128_is_zero(&a));
}

/* From Kafka's own UtilsTest.testMurmur2. */
static void test_murmur2_as_kafka_has_it(void **state) {
    (void)state;
    const struct {
        const char *key;
        int32_t hash;
    } vectors[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_int_equal((int32_t)hash_murmur2(slice_of_string(vectors[i].key)), vectors[i].hash);
    }
    assert_int_equal((int32_t)hash_murmur2((struct slice){0}), 275646681);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_vectors),
        cmocka_unit_test(test_hashes_compare),
        cmocka_unit_test(test_murmur2_as_kafka_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
