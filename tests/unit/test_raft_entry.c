/*
 * An entry's bytes: their layout, and that no damaged or misplaced one passes.
 */
#include "aviary/raft/entry.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { GROUP = 0x0102, INDEX = 0x0304 };

static struct entry_header header_full(void) {
    struct entry_header header = {
        .type = RAFT_ENTRY_RECORDS,
        .flags = ENTRY_HAS_KEY,
        .group = GROUP,
        .index = INDEX,
        .term = 0x0506,
        .base_offset = 0x0708,
        .count = 9,
        .append_time_ms = 0x0a0b,
    };
    memset(header.key.bytes, 0xaa, HASH128_SIZE);
    memset(header.payload.bytes, 0xbb, HASH128_SIZE);
    return header;
}

static struct blob *make(const struct entry_header *header) {
    struct blob *blob = entry_blob_create(slice_of_string("payload"));
    assert_non_null(blob);
    entry_seal(blob, header);
    return blob;
}

static void test_layout(void **state) {
    (void)state;
    static const uint8_t EXPECTED[ENTRY_HEADER_SIZE - 4] = {
        1,    2,    1,    0,                         /* format, type, flags */
        2,    1,    0,    0,    0,    0,    0,    0, /* group */
        4,    3,    0,    0,    0,    0,    0,    0, /* index */
        6,    5,    0,    0,    0,    0,    0,    0, /* term */
        8,    7,    0,    0,    0,    0,    0,    0, /* base offset */
        9,    0,    0,    0,    7,    0,    0,    0, /* count, payload size */
        0xb,  0xa,  0,    0,    0,    0,    0,    0, /* append time */
        0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
        0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb,
    };
    struct entry_header header = header_full();
    _cleanup_blob_ struct blob *blob = make(&header);
    assert_int_equal(blob->size, ENTRY_HEADER_SIZE + 7);
    assert_memory_equal(blob->data + 4, EXPECTED, sizeof EXPECTED);
    assert_int_equal(bytes_get_u32le(blob->data), crc32c(slice_make(blob->data + 4, blob->size - 4)));
    assert_true(slice_equal(entry_payload(blob_slice(blob)), slice_of_string("payload")));
}

static void test_what_is_sealed_is_read(void **state) {
    (void)state;
    struct entry_header header = header_full();
    _cleanup_blob_ struct blob *blob = make(&header);
    struct entry_header read;
    assert_int_equal(entry_check(blob_slice(blob), GROUP, INDEX, &read), STATUS_OK);
    assert_int_equal(read.type, header.type);
    assert_int_equal(read.flags, header.flags);
    assert_int_equal(read.group, header.group);
    assert_int_equal(read.index, header.index);
    assert_int_equal(read.term, header.term);
    assert_int_equal(read.base_offset, header.base_offset);
    assert_int_equal(read.count, header.count);
    assert_int_equal(read.payload_size, 7);
    assert_int_equal(read.append_time_ms, header.append_time_ms);
    assert_true(hash128_equal(&read.key, &header.key));
    assert_true(hash128_equal(&read.payload, &header.payload));
    struct entry_header unchecked;
    assert_int_equal(entry_header_decode(blob_slice(blob), &unchecked), STATUS_OK);
    assert_int_equal(unchecked.term, header.term);
}

static void test_an_entry_without_payload(void **state) {
    (void)state;
    struct blob *blob = entry_blob_create((struct slice){0});
    assert_non_null(blob);
    entry_seal(blob, &(struct entry_header){.type = RAFT_ENTRY_NOOP, .index = 1, .base_offset = -1});
    struct entry_header read;
    assert_int_equal(entry_check(blob_slice(blob), 0, 1, &read), STATUS_OK);
    assert_int_equal(read.payload_size, 0);
    assert_int_equal(read.base_offset, -1);
    assert_int_equal(entry_payload(blob_slice(blob)).size, 0);
    blob_release(blob);
}

static void test_any_cut_and_any_flipped_bit_is_seen(void **state) {
    (void)state;
    struct entry_header header = header_full();
    _cleanup_blob_ struct blob *blob = make(&header);
    struct entry_header read = {.count = 42};
    for (size_t size = 0; size < blob->size; size++) {
        assert_int_equal(entry_check(slice_make(blob->data, size), GROUP, INDEX, &read), STATUS_CORRUPT);
    }
    for (size_t bit = 0; bit < blob->size * 8; bit++) {
        blob->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(entry_check(blob_slice(blob), GROUP, INDEX, &read), STATUS_CORRUPT);
        blob->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(read.count, 42); /* untouched */
    assert_int_equal(entry_check(blob_slice(blob), GROUP, INDEX, &read), STATUS_OK);
}

static void test_a_misplaced_entry_is_seen(void **state) {
    (void)state;
    struct entry_header header = header_full();
    _cleanup_blob_ struct blob *blob = make(&header);
    struct entry_header read;
    assert_int_equal(entry_check(blob_slice(blob), GROUP + 1, INDEX, &read), STATUS_CORRUPT);
    assert_int_equal(entry_check(blob_slice(blob), GROUP, INDEX - 1, &read), STATUS_CORRUPT);
    assert_int_equal(entry_header_check(blob_slice(blob), GROUP + 1, INDEX, &read), STATUS_CORRUPT);
    assert_int_equal(entry_header_check(blob_slice(blob), GROUP, INDEX - 1, &read), STATUS_CORRUPT);
    assert_int_equal(entry_header_check(blob_slice(blob), GROUP, INDEX, &read), STATUS_OK);
    assert_int_equal(read.term, header.term);
}

static void test_unknown_types_and_flags_are_refused(void **state) {
    (void)state;
    struct entry_header header = header_full();
    struct entry_header read;
    header.type = (enum raft_entry_type)(RAFT_ENTRY_TYPE_MAX + 1);
    _cleanup_blob_ struct blob *type = make(&header);
    assert_int_equal(entry_check(blob_slice(type), GROUP, INDEX, &read), STATUS_CORRUPT);
    assert_int_equal(entry_header_decode(blob_slice(type), &read), STATUS_CORRUPT);
    header = header_full();
    header.flags = 2;
    _cleanup_blob_ struct blob *flags = make(&header);
    assert_int_equal(entry_check(blob_slice(flags), GROUP, INDEX, &read), STATUS_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_what_is_sealed_is_read),
        cmocka_unit_test(test_an_entry_without_payload),
        cmocka_unit_test(test_any_cut_and_any_flipped_bit_is_seen),
        cmocka_unit_test(test_a_misplaced_entry_is_seen),
        cmocka_unit_test(test_unknown_types_and_flags_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
