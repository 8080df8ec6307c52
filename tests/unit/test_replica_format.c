/* The states a replica keeps in storage: back as they were, as docs/storage-format.md has them, and never
 * from damaged bytes. */
#include "allocation.h"
#include "replica/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BYTES_MAX = 64 * 1024 };

static const struct hard_state HARD = {
    .term = 0x0102, .vote = 3, .base_index = 4, .base_term = 5, .commit_hint = 6, .last_index = 7};

static const struct raft_indexed_configuration CONFIGURATIONS[] = {
    {.index = 0, .configuration = {.count = 1, .members = {{1, true}}}},
    {.index = 7, .configuration = {.count = 3, .members = {{1, true}, {2, false}, {300, true}}}},
};

static const struct snapshot_state SNAPSHOT = {
    .index = 9,
    .term = 2,
    .configuration = {.count = 1, .members = {{5, true}}},
    .data = {.data = (const uint8_t *)"state", .size = 5},
};

typedef enum status (*decode_any)(struct slice bytes);

static enum status decode_hard(struct slice bytes) {
    struct hard_state hard;
    return format_hard_decode(bytes, &hard);
}

static enum status decode_configurations(struct slice bytes) {
    struct raft_indexed_configuration *configurations = NULL;
    size_t count;
    enum status status = format_configurations_decode(bytes, &configurations, &count);
    assert_true(status == STATUS_OK || configurations == NULL);
    free(configurations);
    return status;
}

static enum status decode_snapshot(struct slice bytes) {
    struct snapshot_state snapshot;
    return format_snapshot_decode(bytes, &snapshot);
}

/* Writes the checksum anew, after a change. */
static void reseal(struct buffer *bytes) {
    bytes_put_u32le(bytes->data, crc32c(slice_after(buffer_slice(bytes), 4)));
}

static void expect_only_whole(struct buffer *bytes, decode_any decode) {
    assert_int_equal(decode(buffer_slice(bytes)), STATUS_OK);
    for (size_t bit = 0; bit < bytes->size * 8; bit++) {
        bytes->data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(decode(buffer_slice(bytes)), STATUS_CORRUPT);
        bytes->data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    for (size_t size = 0; size < bytes->size; size++) {
        assert_int_equal(decode(slice_make(bytes->data, size)), STATUS_CORRUPT);
        /* Also cut where the checksum was made for it. */
        if (size > 5) {
            struct buffer cut;
            buffer_init(&cut, BYTES_MAX);
            buffer_append(&cut, bytes->data, size);
            reseal(&cut);
            assert_int_equal(decode(buffer_slice(&cut)), STATUS_CORRUPT);
            buffer_finish(&cut);
        }
    }
    buffer_append_u8(bytes, 0);
    reseal(bytes);
    assert_int_equal(decode(buffer_slice(bytes)), STATUS_CORRUPT);
    bytes->data[4] = 2;
    reseal(bytes);
    assert_int_equal(decode(buffer_slice(bytes)), STATUS_UNSUPPORTED);
}

static void test_hard_state(void **state) {
    (void)state;
    static const uint8_t covered[] = {1, 2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
                                      4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6,
                                      0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0};
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    format_hard_encode(&HARD, &bytes);
    assert_int_equal(bytes.size, 4 + sizeof covered);
    assert_memory_equal(bytes.data + 4, covered, sizeof covered);
    struct hard_state read;
    assert_int_equal(format_hard_decode(buffer_slice(&bytes), &read), STATUS_OK);
    assert_int_equal(read.term, HARD.term);
    assert_int_equal(read.vote, HARD.vote);
    assert_int_equal(read.base_index, HARD.base_index);
    assert_int_equal(read.base_term, HARD.base_term);
    assert_int_equal(read.commit_hint, HARD.commit_hint);
    assert_int_equal(read.last_index, HARD.last_index);
    expect_only_whole(&bytes, decode_hard);
    buffer_finish(&bytes);
}

static void test_configurations(void **state) {
    (void)state;
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    format_configurations_encode(CONFIGURATIONS, 2, &bytes);
    struct raft_indexed_configuration *read;
    size_t count;
    assert_int_equal(format_configurations_decode(buffer_slice(&bytes), &read, &count), STATUS_OK);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(read[i].index, CONFIGURATIONS[i].index);
        assert_true(raft_configuration_equal(&read[i].configuration, &CONFIGURATIONS[i].configuration));
    }
    free(read);
    expect_only_whole(&bytes, decode_configurations);
    buffer_finish(&bytes);
}

static void test_there_is_at_least_one_configuration(void **state) {
    (void)state;
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    format_configurations_encode(CONFIGURATIONS, 0, &bytes);
    assert_int_equal(decode_configurations(buffer_slice(&bytes)), STATUS_CORRUPT);
    bytes_put_u32le(bytes.data + 5, UINT32_MAX); /* a count that no memory could hold */
    reseal(&bytes);
    assert_int_equal(decode_configurations(buffer_slice(&bytes)), STATUS_CORRUPT);
    buffer_finish(&bytes);
}

static void test_snapshot(void **state) {
    (void)state;
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    format_snapshot_encode(&SNAPSHOT, &bytes);
    struct snapshot_state read;
    assert_int_equal(format_snapshot_decode(buffer_slice(&bytes), &read), STATUS_OK);
    assert_int_equal(read.index, SNAPSHOT.index);
    assert_int_equal(read.term, SNAPSHOT.term);
    assert_true(raft_configuration_equal(&read.configuration, &SNAPSHOT.configuration));
    assert_true(slice_equal(read.data, SNAPSHOT.data));
    expect_only_whole(&bytes, decode_snapshot);
    buffer_finish(&bytes);
}

/* Several states may be encoded into one buffer: each begins where it begins. */
static void test_a_state_behind_others(void **state) {
    (void)state;
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    format_hard_encode(&HARD, &bytes);
    size_t at = bytes.size;
    format_snapshot_encode(&SNAPSHOT, &bytes);
    assert_int_equal(decode_hard(slice_make(bytes.data, at)), STATUS_OK);
    assert_int_equal(decode_snapshot(slice_after(buffer_slice(&bytes), at)), STATUS_OK);
    buffer_finish(&bytes);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    allocation_fail_at(1);
    format_hard_encode(&HARD, &bytes);
    assert_true(allocation_failed());
    assert_int_equal(buffer_status(&bytes), STATUS_NO_MEMORY);
    buffer_clear(&bytes);
    format_configurations_encode(CONFIGURATIONS, 2, &bytes);
    allocation_fail_at(1);
    assert_int_equal(decode_configurations(buffer_slice(&bytes)), STATUS_NO_MEMORY);
    assert_true(allocation_failed());
    buffer_finish(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hard_state),
        cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_there_is_at_least_one_configuration),
        cmocka_unit_test(test_snapshot),
        cmocka_unit_test(test_a_state_behind_others),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
