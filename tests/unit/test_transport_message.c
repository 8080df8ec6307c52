/* Raft's messages as bytes: back as they were, at the places the protocol names, and never from damaged
 * bytes. */
#include "allocation.h"
#include "aviary/raft/entry.h"
#include "aviary/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MESSAGE_SIZE = 82, BYTES_MAX = 1024 * 1024, ENTRIES = 3 };

static struct blob *make_entry(uint64_t group, uint64_t index, size_t size) {
    uint8_t payload[256];
    memset(payload, (int)index, sizeof payload);
    struct blob *blob = entry_blob_create(slice_make(payload, size));
    assert_non_null(blob);
    struct entry_header header = {.type = RAFT_ENTRY_RECORDS, .group = group, .index = index, .term = index};
    entry_seal(blob, &header);
    return blob;
}

static struct raft_message make_message(enum raft_message_type type, struct prng *prng) {
    struct raft_message message = {
        .type = type,
        .group = prng_next(prng),
        .from = prng_next(prng),
        .to = prng_next(prng),
        .term = prng_next(prng),
        .index = prng_next(prng) >> 1,
        .log_term = prng_next(prng),
        .commit = prng_next(prng),
        .context = prng_next(prng),
        .hint_index = prng_next(prng),
        .hint_term = prng_next(prng),
        .reject = prng_chance(prng, 1, 2),
        .forced = prng_chance(prng, 1, 2),
    };
    if (type == RAFT_MESSAGE_APPEND) {
        message.entry_count = (size_t)prng_below(prng, ENTRIES + 1);
        message.entries = calloc(ENTRIES, sizeof *message.entries);
        assert_non_null(message.entries);
        for (size_t i = 0; i < message.entry_count; i++) {
            uint64_t index = message.index + 1 + i;
            message.entries[i] = (struct raft_entry){
                .index = index,
                .term = index,
                .type = RAFT_ENTRY_RECORDS,
                .blob = make_entry(message.group, index, (size_t)prng_below(prng, 200)),
            };
        }
    } else if (type == RAFT_MESSAGE_SNAPSHOT) {
        message.configuration = (struct raft_configuration){.count = 2, .members = {{3, true}, {9, false}}};
        message.data = blob_copy(slice_of_string("a chunk"));
        message.data_offset = prng_next(prng);
        message.data_total = prng_next(prng);
    } else if (type == RAFT_MESSAGE_SNAPSHOT_RESPONSE) {
        message.data_offset = prng_next(prng);
    }
    return message;
}

static void expect_equal(const struct raft_message *a, const struct raft_message *b) {
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->group, b->group);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->to, b->to);
    assert_int_equal(a->term, b->term);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->log_term, b->log_term);
    assert_int_equal(a->commit, b->commit);
    assert_int_equal(a->context, b->context);
    assert_int_equal(a->hint_index, b->hint_index);
    assert_int_equal(a->hint_term, b->hint_term);
    assert_int_equal(a->reject, b->reject);
    assert_int_equal(a->forced, b->forced);
    assert_int_equal(a->entry_count, b->entry_count);
    for (size_t i = 0; i < a->entry_count; i++) {
        assert_int_equal(a->entries[i].index, b->entries[i].index);
        assert_int_equal(a->entries[i].term, b->entries[i].term);
        assert_int_equal(a->entries[i].type, b->entries[i].type);
        assert_true(slice_equal(blob_slice(a->entries[i].blob), blob_slice(b->entries[i].blob)));
    }
    assert_true(raft_configuration_equal(&a->configuration, &b->configuration));
    assert_true(slice_equal(blob_slice(a->data), blob_slice(b->data)));
    assert_int_equal(a->data_offset, b->data_offset);
    assert_int_equal(a->data_total, b->data_total);
}

static void encode(const struct raft_message *message, struct buffer *bytes) {
    transport_encode_message(message, bytes);
    assert_int_equal(buffer_status(bytes), STATUS_OK);
}

static enum status decode(struct slice bytes, struct raft_message *ret_message) {
    struct reader reader = reader_make(bytes);
    return transport_decode_message(&reader, ret_message);
}

static void test_every_type_comes_back(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    for (int round = 0; round < 200; round++) {
        enum raft_message_type type = (enum raft_message_type)(1 + round % RAFT_MESSAGE_TYPE_MAX);
        struct raft_message message = make_message(type, &prng);
        struct raft_message read;
        buffer_clear(&bytes);
        encode(&message, &bytes);
        assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_OK);
        expect_equal(&message, &read);
        raft_message_finish(&read);
        raft_message_finish(&message);
    }
    buffer_finish(&bytes);
}

/* docs/peer-protocol.md, "Messages", byte for byte. */
static void test_fields_stand_where_the_protocol_says(void **state) {
    (void)state;
    struct raft_message message = {
        .type = RAFT_MESSAGE_APPEND_RESPONSE,
        .group = 0x0102030405060708,
        .from = 2,
        .to = 3,
        .term = 4,
        .index = 5,
        .log_term = 6,
        .commit = 7,
        .context = 8,
        .hint_index = 9,
        .hint_term = 10,
        .reject = true,
    };
    static const uint8_t expected[MESSAGE_SIZE] = {6, 1, 8, 7, 6, 5, 4, 3, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3,
                                                   0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0,
                                                   0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0,
                                                   0, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 10};
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    encode(&message, &bytes);
    assert_int_equal(bytes.size, MESSAGE_SIZE);
    assert_memory_equal(bytes.data, expected, MESSAGE_SIZE);
    buffer_clear(&bytes);
    message = (struct raft_message){.type = RAFT_MESSAGE_VOTE, .forced = true};
    encode(&message, &bytes);
    assert_int_equal(bytes.data[1], 2);
    buffer_clear(&bytes);
    message = (struct raft_message){.type = RAFT_MESSAGE_SNAPSHOT_RESPONSE, .data_offset = 0x0807};
    encode(&message, &bytes);
    assert_int_equal(bytes.size, MESSAGE_SIZE + 8);
    assert_int_equal(bytes_get_u64le(bytes.data + MESSAGE_SIZE), 0x0807);
    buffer_finish(&bytes);
}

static void test_messages_follow_each_other(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 2);
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    struct raft_message messages[RAFT_MESSAGE_TYPE_MAX];
    for (int i = 0; i < RAFT_MESSAGE_TYPE_MAX; i++) {
        messages[i] = make_message((enum raft_message_type)(i + 1), &prng);
        encode(&messages[i], &bytes);
    }
    struct reader reader = reader_make(buffer_slice(&bytes));
    for (int i = 0; i < RAFT_MESSAGE_TYPE_MAX; i++) {
        struct raft_message read;
        assert_int_equal(transport_decode_message(&reader, &read), STATUS_OK);
        expect_equal(&messages[i], &read);
        raft_message_finish(&read);
        raft_message_finish(&messages[i]);
    }
    assert_true(reader_done(&reader));
    buffer_finish(&bytes);
}

static void test_a_message_cut_short_is_corrupt(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 3);
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    for (int type = 1; type <= RAFT_MESSAGE_TYPE_MAX; type++) {
        struct raft_message message = make_message((enum raft_message_type)type, &prng);
        buffer_clear(&bytes);
        encode(&message, &bytes);
        for (size_t size = 0; size < bytes.size; size++) {
            struct raft_message read;
            /* A copy of just that size, so that AddressSanitizer sees a read beyond it. */
            uint8_t *cut = malloc(size + 1);
            assert_non_null(cut);
            memcpy(cut, bytes.data, size);
            struct slice slice = slice_make(cut, size);
            assert_int_equal(decode(slice, &read), STATUS_CORRUPT);
            free(cut);
        }
        raft_message_finish(&message);
    }
    buffer_finish(&bytes);
}

static void test_unknown_types_and_flags_are_unsupported(void **state) {
    (void)state;
    struct raft_message read;
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    encode(&(struct raft_message){.type = RAFT_MESSAGE_HEARTBEAT}, &bytes);
    bytes.data[0] = 0;
    assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_UNSUPPORTED);
    bytes.data[0] = RAFT_MESSAGE_TYPE_MAX + 1;
    assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_UNSUPPORTED);
    bytes.data[0] = RAFT_MESSAGE_HEARTBEAT;
    bytes.data[1] = 4;
    assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_UNSUPPORTED);
    bytes.data[1] = 3;
    assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_OK);
    buffer_finish(&bytes);
}

/* An append of two entries, as bytes. */
static void make_append(struct buffer *bytes) {
    struct raft_entry entries[] = {
        {.index = 6, .term = 6, .type = RAFT_ENTRY_RECORDS, .blob = make_entry(1, 6, 10)},
        {.index = 7, .term = 7, .type = RAFT_ENTRY_RECORDS, .blob = make_entry(1, 7, 20)},
    };
    struct raft_message message = {
        .type = RAFT_MESSAGE_APPEND, .group = 1, .index = 5, .entries = entries, .entry_count = 2};
    encode(&message, bytes);
    blob_release(entries[0].blob);
    blob_release(entries[1].blob);
}

static void test_entries_must_be_whole_and_in_their_place(void **state) {
    (void)state;
    struct raft_message read;
    struct buffer bytes;
    buffer_init(&bytes, BYTES_MAX);
    make_append(&bytes);
    assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_OK);
    raft_message_finish(&read);
    for (size_t at = MESSAGE_SIZE + 4; at < bytes.size; at++) { /* sizes and entries */
        bytes.data[at] ^= 0x10;
        assert_int_not_equal(decode(buffer_slice(&bytes), &read), STATUS_OK);
        bytes.data[at] ^= 0x10;
    }
    bytes_put_u64le(bytes.data + 2, 2); /* another group */
    assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_CORRUPT);
    bytes_put_u64le(bytes.data + 2, 1);
    bytes_put_u64le(bytes.data + 34, 4); /* another place */
    assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_CORRUPT);
    bytes_put_u64le(bytes.data + 34, 5);
    bytes_put_u32le(bytes.data + MESSAGE_SIZE, RAFT_APPEND_ENTRIES_MAX + 1);
    assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_CORRUPT);
    bytes_put_u32le(bytes.data + MESSAGE_SIZE, UINT32_MAX);
    assert_int_equal(decode(buffer_slice(&bytes), &read), STATUS_CORRUPT);
    buffer_finish(&bytes);
}

static void test_random_bytes_do_no_harm(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 4);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[200];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)prng_next(&prng);
        }
        bytes[0] = (uint8_t)(1 + prng_below(&prng, RAFT_MESSAGE_TYPE_MAX));
        bytes[1] &= 3;
        if (prng_chance(&prng, 1, 2)) {
            bytes_put_u32le(bytes + MESSAGE_SIZE, (uint32_t)prng_below(&prng, 3));
        }
        struct raft_message read;
        if (decode(slice_make(bytes, (size_t)prng_below(&prng, sizeof bytes)), &read) == STATUS_OK) {
            raft_message_finish(&read);
        }
    }
}

static void test_memory_runs_out(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 5);
    struct buffer append;
    struct buffer snapshot;
    buffer_init(&append, BYTES_MAX);
    buffer_init(&snapshot, BYTES_MAX);
    make_append(&append);
    struct raft_message message = make_message(RAFT_MESSAGE_SNAPSHOT, &prng);
    encode(&message, &snapshot);
    raft_message_finish(&message);
    const struct buffer *each[] = {&append, &snapshot};
    for (size_t i = 0; i < 2; i++) {
        uint64_t nth = 0;
        enum status status;
        bool failed;
        do {
            struct raft_message read;
            allocation_fail_at(++nth);
            status = decode(buffer_slice(each[i]), &read);
            failed = allocation_failed();
            assert_int_equal(status, failed ? STATUS_NO_MEMORY : STATUS_OK);
            if (status == STATUS_OK) {
                raft_message_finish(&read);
            }
        } while (failed);
        assert_true(nth > 1);
    }
    buffer_finish(&append);
    buffer_finish(&snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_comes_back),
        cmocka_unit_test(test_fields_stand_where_the_protocol_says),
        cmocka_unit_test(test_messages_follow_each_other),
        cmocka_unit_test(test_a_message_cut_short_is_corrupt),
        cmocka_unit_test(test_unknown_types_and_flags_are_unsupported),
        cmocka_unit_test(test_entries_must_be_whole_and_in_their_place),
        cmocka_unit_test(test_random_bytes_do_no_harm),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
