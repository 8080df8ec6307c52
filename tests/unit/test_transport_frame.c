/* Frames: messages go into as few as fit, come out whole however the bytes arrive, and never damaged. */
#include "allocation.h"
#include "aviary/transport.h"
#include "transport/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MESSAGE_SIZE = 82, FRAME_MAX = 4 * MESSAGE_SIZE + 10, STREAM_MAX = 64 * 1024 };

static struct raft_message heartbeat(uint64_t number) {
    return (struct raft_message){.type = RAFT_MESSAGE_HEARTBEAT, .from = 1, .to = 2, .context = number};
}

static bool add(struct frame_writer *writer, uint64_t number) {
    struct raft_message message = heartbeat(number);
    return frame_writer_add(writer, &message);
}

static bool add_chunk(struct frame_writer *writer, size_t size) {
    struct raft_message message = {.type = RAFT_MESSAGE_SNAPSHOT, .data = blob_create(size)};
    assert_non_null(message.data);
    memset(message.data->data, 1, size);
    bool added = frame_writer_add(writer, &message);
    blob_release(message.data);
    return added;
}

/* Reads heartbeats numbered from `*next` on out of a payload. */
static void take_heartbeats(struct slice payload, uint64_t *next) {
    struct reader reader = reader_make(payload);
    while (!reader_done(&reader)) {
        struct raft_message message;
        assert_int_equal(transport_decode_message(&reader, &message), STATUS_OK);
        assert_int_equal(message.context, *next);
        (*next)++;
    }
}

static void feed(struct frame_reader *reader, struct slice bytes) {
    while (bytes.size > 0) {
        size_t space;
        uint8_t *at = frame_reader_space(reader, &space);
        assert_non_null(at);
        size_t size = space < bytes.size ? space : bytes.size;
        memcpy(at, bytes.data, size);
        frame_reader_add(reader, size);
        bytes = slice_after(bytes, size);
    }
}

static void test_messages_share_a_frame(void **state) {
    (void)state;
    struct frame_writer writer;
    frame_writer_init(&writer, FRAME_MAX, STREAM_MAX);
    frame_writer_close(&writer); /* nothing is open: nothing happens */
    assert_int_equal(writer.bytes.size, 0);
    for (uint64_t i = 0; i < 4; i++) {
        assert_true(add(&writer, i));
    }
    frame_writer_close(&writer);
    frame_writer_close(&writer);
    assert_int_equal(writer.bytes.size, FRAME_HEADER_SIZE + 4 * MESSAGE_SIZE);
    assert_int_equal(bytes_get_u32le(writer.bytes.data), 4 * MESSAGE_SIZE);
    struct slice payload = slice_after(buffer_slice(&writer.bytes), FRAME_HEADER_SIZE);
    assert_int_equal(bytes_get_u32le(writer.bytes.data + 4), crc32c(payload));
    uint64_t next = 0;
    take_heartbeats(payload, &next);
    assert_int_equal(next, 4);
    frame_writer_finish(&writer);
}

static void test_a_full_frame_is_followed_by_another(void **state) {
    (void)state;
    struct frame_writer writer;
    struct frame_reader reader;
    frame_writer_init(&writer, FRAME_MAX, STREAM_MAX);
    frame_reader_init(&reader, FRAME_MAX);
    for (uint64_t i = 0; i < 10; i++) {
        assert_true(add(&writer, i));
    }
    frame_writer_close(&writer);
    assert_int_equal(writer.bytes.size, 3 * FRAME_HEADER_SIZE + 10 * MESSAGE_SIZE);
    feed(&reader, buffer_slice(&writer.bytes));
    uint64_t next = 0;
    for (uint64_t expected = 4; expected <= 12; expected += 4) {
        struct slice payload;
        assert_int_equal(frame_reader_next(&reader, &payload), STATUS_OK);
        take_heartbeats(payload, &next);
        assert_int_equal(next, expected < 10 ? expected : 10);
    }
    assert_int_equal(frame_reader_next(&reader, &(struct slice){0}), STATUS_NOT_FOUND);
    frame_writer_finish(&writer);
    frame_reader_finish(&reader);
}

static void test_what_does_not_fit_leaves_no_trace(void **state) {
    (void)state;
    struct frame_writer writer;
    frame_writer_init(&writer, FRAME_MAX, 2 * FRAME_MAX);
    assert_true(add(&writer, 0));
    assert_false(add_chunk(&writer, FRAME_MAX)); /* larger than any frame */
    assert_true(add(&writer, 1));
    uint64_t added = 2;
    while (add(&writer, added)) { /* until the whole buffer is full */
        added++;
        assert_true(added < 10);
    }
    assert_false(add(&writer, added));
    frame_writer_close(&writer);
    struct frame_reader reader;
    frame_reader_init(&reader, FRAME_MAX);
    feed(&reader, buffer_slice(&writer.bytes));
    struct slice payload;
    uint64_t next = 0;
    while (frame_reader_next(&reader, &payload) == STATUS_OK) {
        take_heartbeats(payload, &next);
    }
    assert_int_equal(next, added);
    frame_writer_clear(&writer, SIZE_MAX);
    assert_true(add(&writer, 0));
    assert_int_equal(writer.bytes.size, FRAME_HEADER_SIZE + MESSAGE_SIZE);
    frame_writer_finish(&writer);
    frame_reader_finish(&reader);
}

static void test_the_writer_stands_a_lack_of_memory(void **state) {
    (void)state;
    struct frame_writer writer;
    frame_writer_init(&writer, FRAME_MAX, STREAM_MAX);
    allocation_fail_at(1);
    assert_false(add(&writer, 0));
    assert_true(allocation_failed());
    assert_int_equal(writer.bytes.size, 0);
    assert_true(add(&writer, 0));
    struct frame_reader reader;
    frame_reader_init(&reader, FRAME_MAX);
    size_t space;
    allocation_fail_at(1);
    assert_null(frame_reader_space(&reader, &space));
    assert_true(allocation_failed());
    frame_writer_finish(&writer);
    frame_reader_finish(&reader);
}

static void test_frames_come_out_however_they_arrive(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    struct frame_writer writer;
    frame_writer_init(&writer, FRAME_MAX, STREAM_MAX);
    for (uint64_t i = 0; i < 200; i++) {
        assert_true(add(&writer, i));
        if (prng_chance(&prng, 1, 3)) {
            frame_writer_close(&writer);
        }
    }
    frame_writer_close(&writer);
    for (int round = 0; round < 50; round++) {
        struct frame_reader reader;
        frame_reader_init(&reader, FRAME_MAX);
        struct slice rest = buffer_slice(&writer.bytes);
        uint64_t next = 0;
        while (rest.size > 0) {
            size_t size = round == 0 ? 1 : 1 + (size_t)prng_below(&prng, 3 * FRAME_MAX);
            size = size < rest.size ? size : rest.size;
            feed(&reader, slice_make(rest.data, size));
            rest = slice_after(rest, size);
            struct slice payload;
            enum status status;
            while ((status = frame_reader_next(&reader, &payload)) == STATUS_OK) {
                take_heartbeats(payload, &next);
            }
            assert_int_equal(status, STATUS_NOT_FOUND);
        }
        assert_int_equal(next, 200);
        frame_reader_finish(&reader);
    }
    frame_writer_finish(&writer);
}

static enum status read_first(struct slice bytes, size_t frame_max) {
    struct frame_reader reader;
    struct slice payload;
    frame_reader_init(&reader, frame_max);
    feed(&reader, bytes);
    enum status status = frame_reader_next(&reader, &payload);
    frame_reader_finish(&reader);
    return status;
}

static void test_no_flipped_bit_passes(void **state) {
    (void)state;
    struct frame_writer writer;
    frame_writer_init(&writer, FRAME_MAX, STREAM_MAX);
    assert_true(add(&writer, 7));
    frame_writer_close(&writer);
    for (size_t bit = 0; bit < writer.bytes.size * 8; bit++) {
        writer.bytes.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        enum status status = read_first(buffer_slice(&writer.bytes), FRAME_MAX);
        /* A size that has grown makes the reader wait for bytes that its checksum will then refuse. */
        assert_true(status == STATUS_CORRUPT || (bit < 32 && status == STATUS_NOT_FOUND));
        writer.bytes.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    assert_int_equal(read_first(buffer_slice(&writer.bytes), FRAME_MAX), STATUS_OK);
    assert_int_equal(read_first(buffer_slice(&writer.bytes), MESSAGE_SIZE), STATUS_OK);
    assert_int_equal(read_first(buffer_slice(&writer.bytes), MESSAGE_SIZE - 1), STATUS_CORRUPT);
    bytes_put_u32le(writer.bytes.data, 0);
    assert_int_equal(read_first(buffer_slice(&writer.bytes), FRAME_MAX), STATUS_CORRUPT);
    frame_writer_finish(&writer);
}

static void test_the_largest_frame_passes(void **state) {
    (void)state;
    struct frame_writer writer;
    frame_writer_init(&writer, PEER_BULK_FRAME_BYTES_MAX, PEER_QUEUE_BYTES_MAX);
    size_t overhead = MESSAGE_SIZE + 3 + 8 + 8 + 4; /* of a chunk's message */
    assert_false(add_chunk(&writer, PEER_BULK_FRAME_BYTES_MAX - overhead + 1));
    assert_true(add_chunk(&writer, PEER_BULK_FRAME_BYTES_MAX - overhead));
    frame_writer_close(&writer);
    assert_int_equal(writer.bytes.size, PEER_BULK_FRAME_BYTES_MAX + FRAME_HEADER_SIZE);
    assert_int_equal(read_first(buffer_slice(&writer.bytes), PEER_BULK_FRAME_BYTES_MAX), STATUS_OK);
    frame_writer_finish(&writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_share_a_frame),
        cmocka_unit_test(test_a_full_frame_is_followed_by_another),
        cmocka_unit_test(test_what_does_not_fit_leaves_no_trace),
        cmocka_unit_test(test_the_writer_stands_a_lack_of_memory),
        cmocka_unit_test(test_frames_come_out_however_they_arrive),
        cmocka_unit_test(test_no_flipped_bit_passes),
        cmocka_unit_test(test_the_largest_frame_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
