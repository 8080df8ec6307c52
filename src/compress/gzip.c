#include "aviary/base/assert.h"

#include "codecs.h"

#include <limits.h>
#include <zlib.h>

enum {
    GZIP_WINDOW_BITS = MAX_WBITS + 16, /* + 16: a gzip head and trail, nothing else (zlib.h) */
    GZIP_MEMORY_LEVEL = 8,             /* zlib's default */
};

static uInt as_uint(size_t size) {
    return size > UINT_MAX ? UINT_MAX : (uInt)size;
}

static enum status gzip_step(void *decoder, struct slice packed, uint8_t *room, size_t room_size,
                             struct step *ret_step) {
    z_stream *stream = decoder;
    uInt given = as_uint(packed.size);
    uInt free_size = as_uint(room_size);
    /* zlib takes input as not const, and does not write to it. */
    stream->next_in = (Bytef *)(uintptr_t)packed.data;
    stream->avail_in = given;
    stream->next_out = room;
    stream->avail_out = free_size;
    int result = inflate(stream, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) {
        return STATUS_NO_MEMORY;
    }
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return STATUS_CORRUPT;
    }
    ret_step->consumed = given - stream->avail_in;
    ret_step->produced = free_size - stream->avail_out;
    ret_step->frame_ended = result == Z_STREAM_END;
    if (ret_step->frame_ended) {
        int reset = inflateReset(stream);
        ASSERT(reset == Z_OK);
    }
    return STATUS_OK;
}

enum status unpack_gzip(struct slice packed, struct sink *sink, struct error *error) {
    z_stream stream = {0};
    if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK) {
        return error_set(error, STATUS_NO_MEMORY, "no memory to unpack gzip");
    }
    enum status status = unpack_stream(COMPRESS_GZIP, gzip_step, &stream, packed, sink, error);
    (void)inflateEnd(&stream);
    return status;
}

enum status pack_gzip(struct slice plain, struct sink *sink) {
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return STATUS_NO_MEMORY;
    }
    uint8_t *room;
    size_t room_size;
    enum status status = sink_reserve(sink, deflateBound(&stream, plain.size), &room, &room_size);
    if (status == STATUS_OK) {
        stream.next_in = (Bytef *)(uintptr_t)plain.data;
        stream.avail_in = as_uint(plain.size);
        stream.next_out = room;
        stream.avail_out = as_uint(room_size);
        if (deflate(&stream, Z_FINISH) == Z_STREAM_END) {
            sink_take(sink, stream.total_out);
        } else {
            status = STATUS_TOO_LARGE;
        }
    }
    (void)deflateEnd(&stream);
    return status;
}
