#include "allocation.h"
#include "aviary/base/bytes.h"
#include "aviary/base/cleanup.h"
#include "aviary/base/prng.h"
#include "aviary/compress.h"
#include "aviary/record.h"

#include <setjmp.h>
#include <snappy-c.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* PLAIN as the tools of others packed it: Python, the lz4 and the zstd command. */
static const char PLAIN[] = "Aviary Aviary Aviary Aviary\n";
enum { PLAIN_SIZE = sizeof PLAIN - 1 };

static const uint8_t PACKED_GZIP[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x73,
                                      0x2c, 0xcb, 0x4c, 0x2c, 0xaa, 0x54, 0x70, 0xc4, 0x42, 0x71, 0x01,
                                      0x00, 0x0a, 0x06, 0xce, 0x5f, 0x1c, 0x00, 0x00, 0x00};
static const uint8_t PACKED_LZ4[] = {0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0x10, 0x00, 0x00, 0x00, 0x7c,
                                     0x41, 0x76, 0x69, 0x61, 0x72, 0x79, 0x20, 0x07, 0x00, 0x50, 0x69, 0x61,
                                     0x72, 0x79, 0x0a, 0x00, 0x00, 0x00, 0x00, 0xaa, 0x59, 0x9e, 0xeb};
static const uint8_t PACKED_ZSTD[] = {0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x1c, 0x75, 0x00, 0x00,
                                      0x40, 0x41, 0x76, 0x69, 0x61, 0x72, 0x79, 0x20, 0x0a,
                                      0x01, 0x00, 0xa2, 0x8b, 0x11, 0x96, 0x45, 0x62, 0x40};
/* A literal of 7 bytes, a copy of 20 bytes from 7 back, a literal of 1: by snappy's format_description. */
static const uint8_t PACKED_SNAPPY[] = {28, 0x18, 'A', 'v', 'i', 'a', 'r', 'y', ' ', 0x4e, 7, 0, 0x00, '\n'};

static const struct {
    enum compress_codec codec;
    struct slice packed;
} FOREIGN[] = {
    {COMPRESS_GZIP, {PACKED_GZIP, sizeof PACKED_GZIP}},
    {COMPRESS_SNAPPY, {PACKED_SNAPPY, sizeof PACKED_SNAPPY}},
    {COMPRESS_LZ4, {PACKED_LZ4, sizeof PACKED_LZ4}},
    {COMPRESS_ZSTD, {PACKED_ZSTD, sizeof PACKED_ZSTD}},
};
enum { FOREIGN_COUNT = sizeof FOREIGN / sizeof FOREIGN[0] };

static const enum compress_codec CODECS[] = {COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_SNAPPY, COMPRESS_LZ4,
                                             COMPRESS_ZSTD};
enum { CODEC_COUNT = sizeof CODECS / sizeof CODECS[0], MANY = 1000000 };

_Static_assert((int)COMPRESS_GZIP == (int)RECORD_CODEC_GZIP &&
                   (int)COMPRESS_SNAPPY == (int)RECORD_CODEC_SNAPPY &&
                   (int)COMPRESS_LZ4 == (int)RECORD_CODEC_LZ4 && (int)COMPRESS_ZSTD == (int)RECORD_CODEC_ZSTD,
               "one number a codec, in both rooms");

static void test_reads_what_others_pack(void **state) {
    (void)state;
    for (size_t i = 0; i < FOREIGN_COUNT; i++) {
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 1000);
        buffer_append_string(&out, "before ");
        enum status status = compress_unpack(FOREIGN[i].codec, FOREIGN[i].packed, PLAIN_SIZE, &out, NULL);
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(out.size, 7 + PLAIN_SIZE);
        assert_memory_equal(out.data, "before ", 7);
        assert_memory_equal(out.data + 7, PLAIN, PLAIN_SIZE);
    }
}

static void test_the_limit_is_exact(void **state) {
    (void)state;
    for (size_t i = 0; i < FOREIGN_COUNT; i++) {
        _cleanup_buffer_ struct buffer out;
        struct error error;
        buffer_init(&out, 1000);
        buffer_append_string(&out, "before");
        enum status status =
            compress_unpack(FOREIGN[i].codec, FOREIGN[i].packed, PLAIN_SIZE - 1, &out, &error);
        assert_int_equal(status, STATUS_TOO_LARGE);
        assert_non_null(strstr(error.message, "more than is allowed"));
        assert_true(slice_equal(buffer_slice(&out), slice_of_string("before")));
        assert_int_equal(buffer_status(&out), STATUS_OK);
        /* The buffer's own maximum is a limit as well. */
        _cleanup_buffer_ struct buffer small;
        buffer_init(&small, PLAIN_SIZE - 1);
        status = compress_unpack(FOREIGN[i].codec, FOREIGN[i].packed, 1000, &small, NULL);
        assert_int_equal(status, STATUS_TOO_LARGE);
        _cleanup_buffer_ struct buffer exact;
        buffer_init(&exact, PLAIN_SIZE);
        assert_int_equal(compress_unpack(FOREIGN[i].codec, FOREIGN[i].packed, 1000, &exact, NULL), STATUS_OK);
    }
}

/* A copy of just its size, so that the sanitizer sees a read beyond it. */
static enum status unpack_copy(enum compress_codec codec, struct slice packed, struct buffer *out) {
    _cleanup_free_ uint8_t *copy = malloc(packed.size > 0 ? packed.size : 1);
    assert_non_null(copy);
    memcpy(copy, packed.data, packed.size);
    return compress_unpack(codec, slice_make(copy, packed.size), 100000, out, NULL);
}

static void test_no_cut_bytes_pass(void **state) {
    (void)state;
    for (size_t i = 0; i < FOREIGN_COUNT; i++) {
        for (size_t size = 0; size < FOREIGN[i].packed.size; size++) {
            _cleanup_buffer_ struct buffer out;
            buffer_init(&out, 1000);
            struct slice cut = slice_make(FOREIGN[i].packed.data, size);
            assert_int_equal(unpack_copy(FOREIGN[i].codec, cut, &out), STATUS_CORRUPT);
            assert_int_equal(out.size, 0);
        }
    }
}

static void test_nothing_may_stand_behind(void **state) {
    (void)state;
    for (size_t i = 0; i < FOREIGN_COUNT; i++) {
        uint8_t bytes[100];
        memcpy(bytes, FOREIGN[i].packed.data, FOREIGN[i].packed.size);
        bytes[FOREIGN[i].packed.size] = 'x';
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 1000);
        struct slice longer = slice_make(bytes, FOREIGN[i].packed.size + 1);
        assert_int_equal(unpack_copy(FOREIGN[i].codec, longer, &out), STATUS_CORRUPT);
    }
}

static void test_frames_follow_one_another(void **state) {
    (void)state;
    for (size_t i = 0; i < FOREIGN_COUNT; i++) {
        if (FOREIGN[i].codec == COMPRESS_SNAPPY) {
            continue; /* a raw block is alone */
        }
        size_t size = FOREIGN[i].packed.size;
        uint8_t twice[100];
        memcpy(twice, FOREIGN[i].packed.data, size);
        memcpy(twice + size, FOREIGN[i].packed.data, size);
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 1000);
        assert_int_equal(unpack_copy(FOREIGN[i].codec, slice_make(twice, 2 * size), &out), STATUS_OK);
        assert_int_equal(out.size, 2 * PLAIN_SIZE);
        assert_memory_equal(out.data + PLAIN_SIZE, PLAIN, PLAIN_SIZE);
    }
}

static void test_spoiled_bytes_do_no_harm(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 5);
    for (int round = 0; round < 20000; round++) {
        size_t i = prng_below(&prng, FOREIGN_COUNT);
        uint8_t bytes[100];
        size_t size = FOREIGN[i].packed.size;
        memcpy(bytes, FOREIGN[i].packed.data, size);
        for (uint64_t change = prng_between(&prng, 1, 4); change > 0; change--) {
            bytes[prng_below(&prng, size)] = (uint8_t)prng_next(&prng);
        }
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 200000);
        enum status status = unpack_copy(FOREIGN[i].codec, slice_make(bytes, size), &out);
        assert_true(status == STATUS_OK || status == STATUS_CORRUPT || status == STATUS_TOO_LARGE);
    }
}

static void test_what_is_packed_is_unpacked(void **state) {
    (void)state;
    static uint8_t plain[MANY];
    struct prng prng;
    prng_init(&prng, 6);
    for (size_t i = 0; i < MANY; i++) {
        plain[i] = (uint8_t)(i < MANY / 2 ? prng_next(&prng) : i / 100);
    }
    const size_t sizes[] = {0, 1, 100, 32768, 32769, MANY};
    for (size_t i = 0; i < CODEC_COUNT; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            _cleanup_buffer_ struct buffer packed;
            _cleanup_buffer_ struct buffer out;
            buffer_init(&packed, 2 * MANY);
            buffer_init(&out, MANY);
            struct slice slice = slice_make(plain, sizes[k]);
            assert_int_equal(compress_pack(CODECS[i], slice, &packed, NULL), STATUS_OK);
            assert_int_equal(compress_unpack(CODECS[i], buffer_slice(&packed), MANY, &out, NULL), STATUS_OK);
            assert_true(slice_equal(buffer_slice(&out), slice));
        }
    }
}

static void test_a_bomb_stops_at_the_limit(void **state) {
    (void)state;
    static const uint8_t zeroes[MANY];
    for (size_t i = 1; i < CODEC_COUNT; i++) {
        _cleanup_buffer_ struct buffer packed;
        _cleanup_buffer_ struct buffer out;
        buffer_init(&packed, 2 * MANY);
        buffer_init(&out, 2 * MANY);
        assert_int_equal(compress_pack(CODECS[i], slice_make(zeroes, MANY), &packed, NULL), STATUS_OK);
        assert_true(packed.size < MANY / 10);
        enum status status = compress_unpack(CODECS[i], buffer_slice(&packed), 10000, &out, NULL);
        assert_int_equal(status, STATUS_TOO_LARGE);
        assert_true(out.capacity <= 10000);
    }
}

static void test_packing_says_where_the_buffer_is_too_small(void **state) {
    (void)state;
    for (size_t i = 0; i < CODEC_COUNT; i++) {
        for (size_t size = 1; size < 14; size++) {
            _cleanup_buffer_ struct buffer out;
            struct error error;
            buffer_init(&out, size);
            enum status status = compress_pack(CODECS[i], slice_make(PLAIN, PLAIN_SIZE), &out, &error);
            assert_int_equal(status, STATUS_TOO_LARGE);
            assert_non_null(strstr(error.message, "cannot pack 28 bytes with "));
            assert_int_equal(out.size, 0);
        }
    }
}

static void test_snappy_is_framed_as_java_does(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    assert_int_equal(compress_pack(COMPRESS_SNAPPY, slice_make(PLAIN, PLAIN_SIZE), &out, NULL), STATUS_OK);
    assert_memory_equal(out.data, "\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
    assert_int_equal(bytes_get_u32be(out.data + 16), out.size - 20);
    size_t size;
    assert_int_equal(snappy_uncompressed_length((char *)out.data + 20, out.size - 20, &size), SNAPPY_OK);
    assert_int_equal(size, PLAIN_SIZE);
}

/* The head, then blocks of PACKED_SNAPPY with `sizes` written before them. */
static size_t frame(uint8_t *at, const uint32_t *sizes, size_t count) {
    const uint8_t *start = at;
    memcpy(at, "\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
    at += 16;
    for (size_t i = 0; i < count; i++) {
        bytes_put_u32be(at, sizes[i]);
        memcpy(at + 4, PACKED_SNAPPY, sizeof PACKED_SNAPPY);
        at += 4 + sizeof PACKED_SNAPPY;
    }
    return (size_t)(at - start);
}

static void test_snappy_frames(void **state) {
    (void)state;
    const uint32_t size = sizeof PACKED_SNAPPY;
    const struct {
        uint32_t sizes[2];
        enum status status;
    } cases[] = {
        {{size, size}, STATUS_OK},
        {{size, 0}, STATUS_CORRUPT},
        {{size, size + 1}, STATUS_CORRUPT},
        {{size, size - 1}, STATUS_CORRUPT},
        {{size, UINT32_MAX}, STATUS_CORRUPT},
        {{size + 1, size}, STATUS_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t framed[200];
        size_t framed_size = frame(framed, cases[i].sizes, 2);
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 1000);
        assert_int_equal(unpack_copy(COMPRESS_SNAPPY, slice_make(framed, framed_size), &out),
                         cases[i].status);
        assert_int_equal(out.size, cases[i].status == STATUS_OK ? 2 * PLAIN_SIZE : 0);
    }
    uint8_t twice[400];
    const uint32_t one[] = {size};
    size_t half = frame(twice, one, 1);
    (void)frame(twice + half, one, 1);
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    assert_int_equal(unpack_copy(COMPRESS_SNAPPY, slice_make(twice, 2 * half), &out), STATUS_OK);
    assert_int_equal(out.size, 2 * PLAIN_SIZE);
}

static void test_snappy_is_not_believed_a_length_it_cannot_reach(void **state) {
    (void)state;
    const uint8_t liar[] = {0xff, 0xff, 0xff, 0x1f, 0x00, 'x'}; /* 64 MiB out of 6 bytes */
    _cleanup_buffer_ struct buffer out;
    struct error error;
    buffer_init(&out, (size_t)128 << 20);
    enum status status =
        compress_unpack(COMPRESS_SNAPPY, slice_make(liar, sizeof liar), (size_t)128 << 20, &out, &error);
    assert_int_equal(status, STATUS_CORRUPT);
    assert_string_equal(error.message, "a snappy block of 6 bytes cannot unpack to 67108863");
    assert_int_equal(out.capacity, 0);
}

static void test_other_codecs_are_refused(void **state) {
    (void)state;
    _cleanup_buffer_ struct buffer out;
    struct error error;
    buffer_init(&out, 1000);
    enum compress_codec unknown = (enum compress_codec)5;
    assert_int_equal(compress_unpack(unknown, slice_of_string("x"), 10, &out, &error), STATUS_UNSUPPORTED);
    assert_string_equal(error.message, "codec 5 is not known");
    assert_int_equal(compress_pack(unknown, slice_of_string("x"), &out, &error), STATUS_UNSUPPORTED);
    assert_string_equal(compress_codec_name(unknown), "an unknown codec");
    assert_string_equal(compress_codec_name(COMPRESS_LZ4), "lz4");
}

static void test_bytes_of_another_codec_are_corrupt(void **state) {
    (void)state;
    for (size_t i = 0; i < FOREIGN_COUNT; i++) {
        for (size_t k = 0; k < FOREIGN_COUNT; k++) {
            _cleanup_buffer_ struct buffer out;
            buffer_init(&out, 1000);
            enum status status = unpack_copy(FOREIGN[i].codec, FOREIGN[k].packed, &out);
            assert_int_equal(status, i == k ? STATUS_OK : STATUS_CORRUPT);
        }
    }
}

/* What was there stays, and the same buffer takes the same bytes once there is memory again. */
static void expect_memory_to_run_out(bool pack, enum compress_codec codec, struct slice from,
                                     struct slice expected) {
    for (uint64_t nth = 1;; nth++) {
        _cleanup_buffer_ struct buffer out;
        buffer_init(&out, 1000000);
        buffer_append_string(&out, "before ");
        allocation_fail_at(nth);
        enum status status =
            pack ? compress_pack(codec, from, &out, NULL) : compress_unpack(codec, from, MANY, &out, NULL);
        bool failed = allocation_failed();
        assert_int_equal(status, failed ? STATUS_NO_MEMORY : STATUS_OK);
        if (failed) {
            assert_true(slice_equal(buffer_slice(&out), slice_of_string("before ")));
            assert_int_equal(buffer_status(&out), STATUS_OK);
            status = pack ? compress_pack(codec, from, &out, NULL)
                          : compress_unpack(codec, from, MANY, &out, NULL);
            assert_int_equal(status, STATUS_OK);
        }
        assert_true(slice_equal(slice_after(buffer_slice(&out), 7), expected));
        if (!failed) {
            assert_true(nth > 1);
            return;
        }
    }
}

static void test_memory_runs_out(void **state) {
    (void)state;
    for (size_t i = 0; i < CODEC_COUNT; i++) {
        static const uint8_t zeroes[1000];
        struct slice plain = slice_make(zeroes, sizeof zeroes);
        _cleanup_buffer_ struct buffer packed;
        buffer_init(&packed, MANY);
        assert_int_equal(compress_pack(CODECS[i], plain, &packed, NULL), STATUS_OK);
        expect_memory_to_run_out(true, CODECS[i], plain, buffer_slice(&packed));
        expect_memory_to_run_out(false, CODECS[i], buffer_slice(&packed), plain);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_others_pack),
        cmocka_unit_test(test_the_limit_is_exact),
        cmocka_unit_test(test_no_cut_bytes_pass),
        cmocka_unit_test(test_nothing_may_stand_behind),
        cmocka_unit_test(test_frames_follow_one_another),
        cmocka_unit_test(test_spoiled_bytes_do_no_harm),
        cmocka_unit_test(test_what_is_packed_is_unpacked),
        cmocka_unit_test(test_a_bomb_stops_at_the_limit),
        cmocka_unit_test(test_packing_says_where_the_buffer_is_too_small),
        cmocka_unit_test(test_snappy_is_framed_as_java_does),
        cmocka_unit_test(test_snappy_frames),
        cmocka_unit_test(test_snappy_is_not_believed_a_length_it_cannot_reach),
        cmocka_unit_test(test_other_codecs_are_refused),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_bytes_of_another_codec_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
