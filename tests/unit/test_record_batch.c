#include "allocation.h"
#include "aviary/base/cleanup.h"
#include "aviary/base/prng.h"
#include "record_batches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A copy on the heap of just its size, so that the sanitizer sees a read beyond it. */
static uint8_t *golden_copy(size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, GOLDEN_BATCH, size);
    return copy;
}

static void test_reads_the_header(void **state) {
    (void)state;
    struct record_batch_view view;
    assert_int_equal(record_batch_check(slice_make(GOLDEN_BATCH, GOLDEN_SIZE), &view, NULL), STATUS_OK);
    assert_int_equal(view.bytes.size, GOLDEN_SIZE);
    assert_ptr_equal(view.records.data, GOLDEN_BATCH + RECORD_BATCH_HEADER_SIZE);
    assert_int_equal(view.records.size, GOLDEN_SIZE - RECORD_BATCH_HEADER_SIZE);
    assert_int_equal(view.base_offset, 0);
    assert_int_equal(view.leader_epoch, -1);
    assert_int_equal(view.codec, RECORD_CODEC_NONE);
    assert_int_equal(view.timestamp_type, RECORD_TIMESTAMP_CREATE);
    assert_int_equal(view.count, GOLDEN_RECORDS);
    assert_true(view.base_timestamp_ms == 1700000000000);
    assert_true(view.max_timestamp_ms == 1700000000005);
    assert_true(view.producer_id == -1);
    assert_int_equal(view.producer_epoch, -1);
    assert_int_equal(view.base_sequence, -1);
}

static void test_the_leader_places_it_outside_the_checksum(void **state) {
    (void)state;
    _cleanup_free_ uint8_t *batch = golden_copy(GOLDEN_SIZE);
    record_batch_set_position(batch, INT64_C(0x0102030405060708), 0x0a0b0c0d);
    assert_memory_equal(batch, "\1\2\3\4\5\6\7\10", 8);
    assert_memory_equal(batch + 12, "\12\13\14\15", 4);
    assert_memory_equal(batch + 16, GOLDEN_BATCH + 16, GOLDEN_SIZE - 16);
    struct record_batch_view view;
    assert_int_equal(record_batch_check(slice_make(batch, GOLDEN_SIZE), &view, NULL), STATUS_OK);
    assert_true(view.base_offset == INT64_C(0x0102030405060708));
    assert_int_equal(view.leader_epoch, 0x0a0b0c0d);
}

struct spoiled {
    size_t at;
    const char *bytes;
    size_t size;
    enum status status;
    const char *message;
};

static void test_says_what_is_wrong(void **state) {
    (void)state;
    const struct spoiled cases[] = {
        {16, "\1", 1, STATUS_UNSUPPORTED, "the batch has magic 1, only version 2 is supported"},
        {22, "\5", 1, STATUS_UNSUPPORTED, "the batch is compressed with the unknown codec 5"},
        {22, "\7", 1, STATUS_UNSUPPORTED, "the batch is compressed with the unknown codec 7"},
        {22, "\x10", 1, STATUS_UNSUPPORTED,
         "the batch has attributes 0x0010: transactional and control batches"},
        {22, "\x20", 1, STATUS_UNSUPPORTED, "the batch has attributes 0x0020"},
        {21, "\1", 1, STATUS_UNSUPPORTED, "the batch has attributes 0x0100"},
        {57, "\0\0\0\0", 4, STATUS_CORRUPT, "the batch says it has 0 records, at least 1 is needed"},
        {57, "\xff\xff\xff\xff", 4, STATUS_CORRUPT, "the batch says it has -1 records"},
        {57, "\0\x0f\x42\x41", 4, STATUS_TOO_LARGE, "the batch has 1000001 records, at most 1000000"},
        {57, "\0\0\0\2", 4, STATUS_CORRUPT, "2 records, and that its last offset is 2 after its first"},
        {23, "\0\0\0\3", 4, STATUS_CORRUPT, "3 records, and that its last offset is 3 after its first"},
        {8, "\0\0\0\x30", 4, STATUS_CORRUPT, "the batch's length field is 48, at least 49 is possible"},
        {8, "\xff\xff\xff\xff", 4, STATUS_CORRUPT, "the batch's length field is -1"},
        {8, "\x80\0\0\0", 4, STATUS_CORRUPT, "the batch's length field is -2147483648"},
        {8, "\x7f\xff\xff\xff", 4, STATUS_TOO_LARGE, "the batch has 2147483659 bytes, at most 8388608"},
        {8, "\0\0\0\x54", 4, STATUS_CORRUPT, "the batch's length field asks for 96 bytes, here are 95"},
        {8, "\0\0\0\x52", 4, STATUS_CORRUPT, "1 bytes are left behind the batch: send one batch a request"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_free_ uint8_t *batch = golden_copy(GOLDEN_SIZE);
        memcpy(batch + cases[i].at, cases[i].bytes, cases[i].size);
        reseal(batch, GOLDEN_SIZE);
        struct record_batch_view view = {.count = 77};
        struct error error;
        assert_int_equal(record_batch_check(slice_make(batch, GOLDEN_SIZE), &view, &error), cases[i].status);
        assert_non_null(strstr(error.message, cases[i].message));
        assert_int_equal(view.count, 77);
    }
}

static void test_no_cut_batch_passes(void **state) {
    (void)state;
    for (size_t size = 0; size < GOLDEN_SIZE; size++) {
        _cleanup_free_ uint8_t *batch = golden_copy(size);
        struct record_batch_view view;
        struct error error;
        assert_int_equal(record_batch_check(slice_make(batch, size), &view, &error), STATUS_CORRUPT);
        assert_int_equal(record_batch_decode(slice_make(batch, size), &view, &error), STATUS_CORRUPT);
    }
}

/* One bit anywhere: seen, but in the fields that the leader fills in. */
static void test_no_flipped_bit_passes(void **state) {
    (void)state;
    for (size_t bit = 0; bit < 8 * (size_t)GOLDEN_SIZE; bit++) {
        _cleanup_free_ uint8_t *batch = golden_copy(GOLDEN_SIZE);
        batch[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct record_batch_view view;
        bool leaders = bit / 8 < 8 || (bit / 8 >= 12 && bit / 8 < 16);
        enum status status = record_batch_check(slice_make(batch, GOLDEN_SIZE), &view, NULL);
        assert_int_equal(status == STATUS_OK, leaders);
    }
}

static void test_a_wrong_checksum_is_named(void **state) {
    (void)state;
    _cleanup_free_ uint8_t *batch = golden_copy(GOLDEN_SIZE);
    batch[GOLDEN_SIZE - 1] ^= 1;
    struct record_batch_view view;
    struct error error;
    assert_int_equal(record_batch_check(slice_make(batch, GOLDEN_SIZE), &view, &error), STATUS_CORRUPT);
    assert_non_null(strstr(error.message, "the batch's checksum is 0x54a022f6, its bytes give 0x"));
    assert_int_equal(record_batch_decode(slice_make(batch, GOLDEN_SIZE), &view, &error), STATUS_OK);
}

static void test_batches_stand_behind_one_another(void **state) {
    (void)state;
    uint8_t both[2 * GOLDEN_SIZE];
    memcpy(both, GOLDEN_BATCH, GOLDEN_SIZE);
    memcpy(both + GOLDEN_SIZE, GOLDEN_BATCH, GOLDEN_SIZE);
    record_batch_set_position(both + GOLDEN_SIZE, 3, 0);
    struct slice rest = slice_make(both, sizeof both);
    struct record_batch_view view;
    assert_int_equal(record_batch_check(rest, &view, NULL), STATUS_CORRUPT);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(record_batch_decode(rest, &view, NULL), STATUS_OK);
        assert_int_equal(view.base_offset, 3 * i);
        rest = slice_after(rest, view.bytes.size);
    }
    assert_int_equal(rest.size, 0);
}

static void test_a_compressed_batch_is_checked_without_its_records(void **state) {
    (void)state;
    struct record_batch_view view;
    assert_int_equal(record_batch_decode(slice_make(GOLDEN_BATCH, GOLDEN_SIZE), &view, NULL), STATUS_OK);
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, 1000);
    enum status status = record_batch_repack(&view, RECORD_CODEC_ZSTD, slice_of_string("packed"), &out);
    assert_int_equal(status, STATUS_OK);
    struct record_batch_view packed;
    assert_int_equal(record_batch_check(buffer_slice(&out), &packed, NULL), STATUS_OK);
    assert_int_equal(packed.codec, RECORD_CODEC_ZSTD);
    assert_true(slice_equal(packed.records, slice_of_string("packed")));
    assert_int_equal(packed.count, GOLDEN_RECORDS);
    assert_int_equal(record_batch_check_records(&packed, packed.records, NULL), STATUS_CORRUPT);
    assert_int_equal(record_batch_check_records(&packed, view.records, NULL), STATUS_OK);
}

static void test_repacking_back_gives_the_same_bytes(void **state) {
    (void)state;
    struct record_batch_view view;
    assert_int_equal(record_batch_decode(slice_make(GOLDEN_BATCH, GOLDEN_SIZE), &view, NULL), STATUS_OK);
    _cleanup_buffer_ struct buffer packed;
    _cleanup_buffer_ struct buffer plain;
    buffer_init(&packed, 1000);
    buffer_init(&plain, GOLDEN_SIZE);
    struct slice records = view.records;
    enum status status = record_batch_repack(&view, RECORD_CODEC_LZ4, slice_of_string("p"), &packed);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(record_batch_decode(buffer_slice(&packed), &view, NULL), STATUS_OK);
    assert_int_equal(record_batch_repack(&view, RECORD_CODEC_NONE, records, &plain), STATUS_OK);
    assert_true(slice_equal(buffer_slice(&plain), slice_make(GOLDEN_BATCH, GOLDEN_SIZE)));
    assert_int_equal(record_batch_repack(&view, RECORD_CODEC_NONE, records, &plain), STATUS_TOO_LARGE);
}

static void test_repacking_needs_memory(void **state) {
    (void)state;
    struct record_batch_view view;
    _cleanup_buffer_ struct buffer packed;
    buffer_init(&packed, 1000);
    assert_int_equal(record_batch_decode(slice_make(GOLDEN_BATCH, GOLDEN_SIZE), &view, NULL), STATUS_OK);
    allocation_fail_at(1);
    assert_int_equal(record_batch_repack(&view, RECORD_CODEC_NONE, view.records, &packed), STATUS_NO_MEMORY);
    assert_true(allocation_failed());
    assert_int_equal(packed.size, 0);
    buffer_clear(&packed);
    assert_int_equal(record_batch_repack(&view, RECORD_CODEC_NONE, view.records, &packed), STATUS_OK);
    assert_true(slice_equal(buffer_slice(&packed), slice_make(GOLDEN_BATCH, GOLDEN_SIZE)));
}

/* Bytes spoiled at random, with a right checksum: whatever passes can be read to its end. */
static void test_spoiled_batches_never_mislead_the_reader(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 20260);
    unsigned passed = 0;
    for (int round = 0; round < 50000; round++) {
        _cleanup_free_ uint8_t *batch = golden_copy(GOLDEN_SIZE);
        for (uint64_t change = prng_between(&prng, 1, 3); change > 0; change--) {
            batch[prng_between(&prng, 21, GOLDEN_SIZE - 1)] = (uint8_t)prng_next(&prng);
        }
        reseal(batch, GOLDEN_SIZE);
        struct record_batch_view view;
        if (record_batch_check(slice_make(batch, GOLDEN_SIZE), &view, NULL) != STATUS_OK) {
            continue;
        }
        passed++;
        if (view.codec == RECORD_CODEC_NONE) {
            assert_int_equal(record_batch_check_records(&view, view.records, NULL), STATUS_OK);
        }
    }
    /* Changes within keys, values and times are nobody's error. */
    assert_in_range(passed, 1000, 49000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_header),
        cmocka_unit_test(test_the_leader_places_it_outside_the_checksum),
        cmocka_unit_test(test_says_what_is_wrong),
        cmocka_unit_test(test_no_cut_batch_passes),
        cmocka_unit_test(test_no_flipped_bit_passes),
        cmocka_unit_test(test_a_wrong_checksum_is_named),
        cmocka_unit_test(test_batches_stand_behind_one_another),
        cmocka_unit_test(test_a_compressed_batch_is_checked_without_its_records),
        cmocka_unit_test(test_repacking_back_gives_the_same_bytes),
        cmocka_unit_test(test_repacking_needs_memory),
        cmocka_unit_test(test_spoiled_batches_never_mislead_the_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
