/* What a disk remembers of its cluster: byte for byte as docs/storage-format.md has it, and whole or not at
 * all. */
#include "broker/cluster_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct cluster_file FILE_OF_THREE = {
    .phase = CLUSTER_MEMBER,
    .cluster_id = {{0xc1, 0xc2}},
    .broker_id = 20,
    .incarnation = 2,
    .voter_count = 3,
    .voters = {{10, {{0xd1}}}, {20, {{0xd2}}}, {30, {{0xd3}}}},
};

static void encode(const struct cluster_file *file, struct buffer *bytes) {
    buffer_init(bytes, CLUSTER_FILE_BYTES_MAX);
    cluster_file_encode(file, bytes);
    assert_int_equal(buffer_status(bytes), STATUS_OK);
}

static enum status decode(struct slice bytes) {
    struct cluster_file file;
    return cluster_file_decode(bytes, &file);
}

static void reseal(struct buffer *bytes) {
    bytes_put_u32le(bytes->data, crc32c(slice_after(buffer_slice(bytes), 4)));
}

static void test_comes_back(void **state) {
    (void)state;
    struct buffer bytes;
    struct cluster_file read;
    encode(&FILE_OF_THREE, &bytes);
    assert_int_equal(cluster_file_decode(buffer_slice(&bytes), &read), STATUS_OK);
    assert_int_equal(read.phase, CLUSTER_MEMBER);
    assert_true(uuid_equal(&read.cluster_id, &FILE_OF_THREE.cluster_id));
    assert_int_equal(read.broker_id, 20);
    assert_int_equal(read.incarnation, 2);
    assert_int_equal(read.voter_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read.voters[i].broker_id, FILE_OF_THREE.voters[i].broker_id);
        assert_true(uuid_equal(&read.voters[i].disk_uuid, &FILE_OF_THREE.voters[i].disk_uuid));
    }
    buffer_finish(&bytes);
}

static void test_fields_stand_where_the_format_says(void **state) {
    (void)state;
    static const uint8_t covered[] = {1,  2, 0xc1, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0,
                                      20, 0, 0,    0,    2, 0, 0, 0, 0, 0, 0, 0, 3, 10, 0, 0, 0, 0xd1};
    struct buffer bytes;
    encode(&FILE_OF_THREE, &bytes);
    assert_int_equal(bytes.size, 35 + 3 * 20);
    assert_memory_equal(bytes.data + 4, covered, sizeof covered);
    assert_int_equal(bytes_get_u32le(bytes.data), crc32c(slice_after(buffer_slice(&bytes), 4)));
    buffer_finish(&bytes);
}

static void test_no_damaged_byte_passes(void **state) {
    (void)state;
    struct buffer bytes;
    encode(&FILE_OF_THREE, &bytes);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(decode(buffer_slice(&bytes)), STATUS_CORRUPT);
        bytes.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(decode(slice_make(bytes.data, size)), STATUS_CORRUPT);
    }
    buffer_append_u8(&bytes, 0);
    reseal(&bytes);
    assert_int_equal(decode(buffer_slice(&bytes)), STATUS_CORRUPT);
    buffer_finish(&bytes);
}

static void expect_field(size_t at, uint8_t value, enum status expected) {
    struct buffer bytes;
    encode(&FILE_OF_THREE, &bytes);
    bytes.data[at] = value;
    reseal(&bytes);
    assert_int_equal(decode(buffer_slice(&bytes)), expected);
    buffer_finish(&bytes);
}

static void test_fields_are_checked(void **state) {
    (void)state;
    expect_field(4, 2, STATUS_UNSUPPORTED);
    expect_field(5, 3, STATUS_CORRUPT);
    expect_field(5, 1, STATUS_OK);
    expect_field(34, FIRST_VOTERS_MAX + 1, STATUS_CORRUPT);
    expect_field(34, 2, STATUS_CORRUPT); /* one voter too many follows */
    expect_field(35, 0,
                 STATUS_CORRUPT); /* incarnations follow broker ids: from 1 on, ascending, none twice */
    expect_field(35, 20, STATUS_CORRUPT);
    expect_field(35, 21, STATUS_CORRUPT);
    expect_field(35, 19, STATUS_OK);
}

static void test_the_largest_fits(void **state) {
    (void)state;
    struct cluster_file file = FILE_OF_THREE;
    struct buffer bytes;
    for (; file.voter_count < FIRST_VOTERS_MAX; file.voter_count++) {
        file.voters[file.voter_count].broker_id = 10 + 10 * (uint32_t)file.voter_count;
    }
    encode(&file, &bytes);
    assert_int_equal(decode(buffer_slice(&bytes)), STATUS_OK);
    buffer_finish(&bytes);
    file = (struct cluster_file){.phase = CLUSTER_NONE};
    encode(&file, &bytes);
    assert_int_equal(decode(buffer_slice(&bytes)), STATUS_OK);
    buffer_finish(&bytes);
}

static void test_an_incarnation_is_a_place_among_the_first_voters(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct metadata_first_voter *voter = &FILE_OF_THREE.voters[i];
        assert_int_equal(cluster_file_incarnation(&FILE_OF_THREE, voter->broker_id, &voter->disk_uuid),
                         i + 1);
    }
    /* The id with another disk is nobody. */
    assert_int_equal(cluster_file_incarnation(&FILE_OF_THREE, 10, &FILE_OF_THREE.voters[1].disk_uuid), 0);
    assert_int_equal(cluster_file_incarnation(&FILE_OF_THREE, 40, &FILE_OF_THREE.voters[0].disk_uuid), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_fields_stand_where_the_format_says),
        cmocka_unit_test(test_no_damaged_byte_passes),
        cmocka_unit_test(test_fields_are_checked),
        cmocka_unit_test(test_the_largest_fits),
        cmocka_unit_test(test_an_incarnation_is_a_place_among_the_first_voters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
