/*
 * Configurations and their bytes; messages' names and release.
 */
#include "aviary/raft/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct raft_configuration three(void) {
    return (struct raft_configuration){.count = 3, .members = {{7, true}, {UINT64_MAX, true}, {300, false}}};
}

static enum status decode(struct slice bytes, struct raft_configuration *ret) {
    struct reader reader = reader_make(bytes);
    return raft_configuration_decode(&reader, ret);
}

static void test_members(void **state) {
    (void)state;
    struct raft_configuration a = three();
    struct raft_configuration b = three();
    assert_true(raft_configuration_equal(&a, &b));
    assert_int_equal(raft_configuration_voters(&a), 2);
    assert_ptr_equal(raft_configuration_find(&a, 300), &a.members[2]);
    assert_null(raft_configuration_find(&a, 8));
    b.members[2].voter = true;
    assert_false(raft_configuration_equal(&a, &b));
    b = three();
    b.count = 2;
    assert_false(raft_configuration_equal(&a, &b));
    b.members[0].id = 8;
    assert_false(raft_configuration_equal(&a, &b));
}

static void test_bytes(void **state) {
    (void)state;
    const uint8_t expected[] = {1,    3,    0,                                     /* version, count */
                                7,    0,    0,    0,    0,    0,    0,    0,    1, /* first */
                                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, /* second */
                                0x2c, 1,    0,    0,    0,    0,    0,    0,    0};
    struct raft_configuration configuration = three();
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 1024);
    raft_configuration_encode(&configuration, &buffer);
    assert_int_equal(buffer.size, sizeof expected);
    assert_memory_equal(buffer.data, expected, sizeof expected);
    /* What follows is left to the next reader. */
    buffer_append_u8(&buffer, 99);
    struct reader reader = reader_make(buffer_slice(&buffer));
    struct raft_configuration read;
    assert_int_equal(raft_configuration_decode(&reader, &read), STATUS_OK);
    assert_true(raft_configuration_equal(&read, &configuration));
    assert_int_equal(reader_u8(&reader), 99);
    assert_true(reader_done(&reader));
}

static void test_cut_bytes_are_corrupt(void **state) {
    (void)state;
    struct raft_configuration configuration = three();
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 1024);
    raft_configuration_encode(&configuration, &buffer);
    struct raft_configuration read = {.count = 42};
    for (size_t size = 0; size < buffer.size; size++) {
        assert_int_equal(decode(slice_make(buffer.data, size), &read), STATUS_CORRUPT);
    }
    assert_int_equal(read.count, 42); /* untouched */
}

static void test_flipped_bits_never_make_an_invalid_configuration(void **state) {
    (void)state;
    struct raft_configuration configuration = three();
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 1024);
    raft_configuration_encode(&configuration, &buffer);
    for (size_t bit = 0; bit < buffer.size * 8; bit++) {
        buffer.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct raft_configuration read;
        if (decode(buffer_slice(&buffer), &read) == STATUS_OK) {
            assert_true(read.count <= RAFT_MEMBERS_MAX);
            for (uint32_t i = 0; i < read.count; i++) {
                assert_ptr_equal(raft_configuration_find(&read, read.members[i].id), &read.members[i]);
                assert_int_not_equal(read.members[i].id, 0);
            }
        }
        buffer.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static enum status decode_members(const struct raft_member *members, uint32_t count, uint8_t version) {
    _cleanup_buffer_ struct buffer buffer;
    buffer_init(&buffer, 4096);
    buffer_append_u8(&buffer, version);
    buffer_append_u16(&buffer, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        buffer_append_u64(&buffer, members[i].id);
        buffer_append_u8(&buffer, members[i].voter ? 1 : 0);
    }
    struct raft_configuration read;
    return decode(buffer_slice(&buffer), &read);
}

static void test_what_is_no_configuration(void **state) {
    (void)state;
    struct raft_member members[RAFT_MEMBERS_MAX + 1];
    for (uint32_t i = 0; i <= RAFT_MEMBERS_MAX; i++) {
        members[i] = (struct raft_member){.id = i + 1, .voter = true};
    }
    assert_int_equal(decode_members(members, RAFT_MEMBERS_MAX, 1), STATUS_OK);
    assert_int_equal(decode_members(members, RAFT_MEMBERS_MAX + 1, 1), STATUS_CORRUPT);
    assert_int_equal(decode_members(members, 0, 1), STATUS_OK);
    assert_int_equal(decode_members(members, 3, 2), STATUS_UNSUPPORTED);
    members[2].id = 1;
    assert_int_equal(decode_members(members, 3, 1), STATUS_CORRUPT);
    members[2].id = 0;
    assert_int_equal(decode_members(members, 3, 1), STATUS_CORRUPT);
}

static void test_a_message_releases_what_it_owns(void **state) {
    (void)state;
    struct raft_message message = {.type = RAFT_MESSAGE_APPEND, .term = 5};
    message.entries = calloc(2, sizeof *message.entries);
    assert_non_null(message.entries);
    message.entry_count = 2;
    struct blob *kept = blob_copy(slice_of_string("kept"));
    assert_non_null(kept);
    message.entries[0].blob = blob_retain(kept);
    message.data = blob_retain(kept);
    raft_message_finish(&message);
    assert_null(message.entries);
    assert_null(message.data);
    assert_int_equal(message.entry_count, 0);
    assert_int_equal(atomic_load(&kept->references), 1);
    raft_message_finish(&message);
    blob_release(kept);
}

static void test_names(void **state) {
    (void)state;
    for (int type = 1; type <= RAFT_MESSAGE_TYPE_MAX; type++) {
        assert_string_not_equal(raft_message_name((enum raft_message_type)type), "unknown");
    }
    assert_string_equal(raft_message_name((enum raft_message_type)0), "unknown");
    assert_string_equal(raft_message_name((enum raft_message_type)(RAFT_MESSAGE_TYPE_MAX + 1)), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_cut_bytes_are_corrupt),
        cmocka_unit_test(test_flipped_bits_never_make_an_invalid_configuration),
        cmocka_unit_test(test_what_is_no_configuration),
        cmocka_unit_test(test_a_message_releases_what_it_owns),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
