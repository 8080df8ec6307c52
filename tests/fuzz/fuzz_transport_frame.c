/*
 * Frames of a peer stream. However the stream's bytes are split, the reader gives the same payloads and ends
 * the same way; and what it gives, written as frames again, comes back.
 */
#include "fuzz.h"

#include "transport/frame.h"

enum { FRAME_BYTES_MAX = 4096, SPLITS = 2 };

/* The payloads of a stream, each behind its size, and how it ended. */
struct outcome {
    struct buffer payloads;
    enum status end;
};

/* Puts the checksum of each whole frame right, so that the reader goes on to the next. */
static void seal_frames(struct blob *stream) {
    for (size_t at = 0; stream->size - at >= FRAME_HEADER_SIZE;) {
        size_t size = bytes_get_u32le(stream->data + at);
        if (size > stream->size - at - FRAME_HEADER_SIZE) {
            return;
        }
        uint8_t *payload = stream->data + at + FRAME_HEADER_SIZE;
        bytes_put_u32le(payload - 4, crc32c(slice_make(payload, size)));
        at += FRAME_HEADER_SIZE + size;
    }
}

static void take_payloads(struct frame_reader *reader, struct outcome *outcome) {
    struct slice payload;
    while ((outcome->end = frame_reader_next(reader, &payload)) == STATUS_OK) {
        ASSERT(payload.size > 0 && payload.size <= FRAME_BYTES_MAX);
        buffer_append_u32(&outcome->payloads, (uint32_t)payload.size);
        buffer_append_slice(&outcome->payloads, payload);
    }
}

/* Feeds the stream in pieces of sizes that the prng chooses, up to `piece_max`. */
static void read_stream(struct slice stream, struct prng *prng, size_t piece_max, struct outcome *outcome) {
    static struct frame_reader reader; /* its buffer is kept from one stream to the next: it is large */
    if (reader.frame_bytes_max == 0) {
        frame_reader_init(&reader, FRAME_BYTES_MAX);
    }
    buffer_clear(&reader.bytes);
    reader.used = 0;
    buffer_init(&outcome->payloads, SIZE_MAX);
    outcome->end = STATUS_NOT_FOUND;
    while (stream.size > 0 && outcome->end == STATUS_NOT_FOUND) {
        size_t space = 0;
        uint8_t *at = frame_reader_space(&reader, &space);
        ASSERT(at != NULL && space > 0);
        size_t size = (size_t)prng_between(prng, 1, piece_max);
        size = size < space ? size : space;
        size = size < stream.size ? size : stream.size;
        memcpy(at, stream.data, size);
        stream = slice_after(stream, size);
        frame_reader_add(&reader, size);
        take_payloads(&reader, outcome);
    }
}

/* The payloads as frames of a writer's form. */
static void write_frames(const struct outcome *outcome, struct buffer *out) {
    struct reader reader = reader_make(buffer_slice(&outcome->payloads));
    while (!reader_done(&reader)) {
        struct slice payload = reader_bytes(&reader, reader_u32(&reader));
        buffer_append_u32(out, (uint32_t)payload.size);
        buffer_append_u32(out, crc32c(payload));
        buffer_append_slice(out, payload);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    struct prng prng;
    prng_init(&prng, data[0]);
    struct outcome whole;
    struct outcome split;
    struct outcome again;
    _cleanup_blob_ struct blob *stream = fuzz_copy(slice_make(data + 2, size - 2));
    if (data[1] & 1) {
        seal_frames(stream);
    }
    read_stream(blob_slice(stream), &prng, SIZE_MAX, &whole);
    for (size_t i = 0; i < SPLITS; i++) {
        read_stream(blob_slice(stream), &prng, i == 0 ? 3 : 64, &split);
        ASSERT(split.end == whole.end);
        ASSERT(slice_equal(buffer_slice(&split.payloads), buffer_slice(&whole.payloads)));
        buffer_finish(&split.payloads);
    }
    _cleanup_buffer_ struct buffer frames;
    buffer_init(&frames, SIZE_MAX);
    write_frames(&whole, &frames);
    ASSERT(slice_equal(buffer_slice(&frames), slice_make(stream->data, frames.size)));
    read_stream(buffer_slice(&frames), &prng, 16, &again);
    ASSERT(again.end == STATUS_NOT_FOUND);
    ASSERT(slice_equal(buffer_slice(&again.payloads), buffer_slice(&whole.payloads)));
    buffer_finish(&again.payloads);
    buffer_finish(&whole.payloads);
    return 0;
}
