/*
 * Snappy as Kafka's clients write it: one raw block (librdkafka), or snappy-java's stream (the Java client
 * and those that follow it): a head of 16 bytes, then blocks of (size i32 big-endian, raw block).
 */
#include "aviary/base/bytes.h"

#include "codecs.h"

#include <snappy-c.h>

enum {
    MAGIC_SIZE = 8,
    HEAD_SIZE = 16, /* the magic, a version, and the oldest version that can read it: 1 ever since */
    BLOCK_HEAD_SIZE = 4,
    BLOCK_PLAIN_SIZE = 32 * 1024, /* snappy-java's */
    BLOCK_RATIO_MAX = 64,         /* a copy element gives at most 64 bytes, from two at least */
};

static const uint8_t MAGIC[MAGIC_SIZE] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

static bool has_magic(struct slice packed) {
    return packed.size >= HEAD_SIZE && memcmp(packed.data, MAGIC, MAGIC_SIZE) == 0;
}

static enum status unpack_block(struct slice block, struct sink *sink, struct error *error) {
    size_t size;
    if (snappy_uncompressed_length((const char *)block.data, block.size, &size) != SNAPPY_OK) {
        return error_set(error, STATUS_CORRUPT, "the bytes are not snappy: their length field is cut off");
    }
    /* The length comes first and may be a lie: believe it no further than such a block can reach. */
    if (size / BLOCK_RATIO_MAX > block.size) {
        return error_set(error, STATUS_CORRUPT, "a snappy block of %zu bytes cannot unpack to %zu",
                         block.size, size);
    }
    if (size > sink->limit) {
        return sink_too_large(error);
    }
    uint8_t *room;
    size_t room_size;
    /* One byte even for an empty block: snappy wants a pointer. */
    enum status status = sink_reserve(sink, size > 0 ? size : 1, &room, &room_size);
    if (status != STATUS_OK) {
        return error_set(error, status, "no memory to unpack snappy");
    }
    if (snappy_uncompress((const char *)block.data, block.size, (char *)room, &size) != SNAPPY_OK) {
        return error_set(error, STATUS_CORRUPT, "the bytes are not snappy, or were changed on the way");
    }
    sink_take(sink, size);
    return STATUS_OK;
}

static enum status unpack_framed(struct slice packed, struct sink *sink, struct error *error) {
    while (packed.size > 0) {
        /* Streams may be put behind one another, head and all. */
        if (has_magic(packed)) {
            packed = slice_after(packed, HEAD_SIZE);
            continue;
        }
        size_t block_size = packed.size >= BLOCK_HEAD_SIZE ? bytes_get_u32be(packed.data) : 0;
        if (block_size == 0 || block_size > packed.size - BLOCK_HEAD_SIZE) {
            return error_set(error, STATUS_CORRUPT, "the snappy bytes end too early, within a block");
        }
        struct slice block = slice_make(packed.data + BLOCK_HEAD_SIZE, block_size);
        enum status status = unpack_block(block, sink, error);
        if (status != STATUS_OK) {
            return status;
        }
        packed = slice_after(packed, BLOCK_HEAD_SIZE + block_size);
    }
    return STATUS_OK;
}

enum status unpack_snappy(struct slice packed, struct sink *sink, struct error *error) {
    return has_magic(packed) ? unpack_framed(packed, sink, error) : unpack_block(packed, sink, error);
}

static enum status put_head(struct sink *sink) {
    uint8_t *room;
    size_t room_size;
    enum status status = sink_reserve(sink, HEAD_SIZE, &room, &room_size);
    if (status != STATUS_OK) {
        return status;
    }
    if (room_size < HEAD_SIZE) {
        return STATUS_TOO_LARGE;
    }
    memcpy(room, MAGIC, MAGIC_SIZE);
    bytes_put_u32be(room + MAGIC_SIZE, 1);
    bytes_put_u32be(room + MAGIC_SIZE + 4, 1);
    sink_take(sink, HEAD_SIZE);
    return STATUS_OK;
}

static enum status put_block(struct slice plain, struct sink *sink) {
    uint8_t *room;
    size_t room_size;
    size_t bound = snappy_max_compressed_length(plain.size);
    enum status status = sink_reserve(sink, BLOCK_HEAD_SIZE + bound, &room, &room_size);
    if (status != STATUS_OK) {
        return status;
    }
    if (room_size < BLOCK_HEAD_SIZE) {
        return STATUS_TOO_LARGE;
    }
    size_t size = room_size - BLOCK_HEAD_SIZE;
    if (snappy_compress((const char *)plain.data, plain.size, (char *)room + BLOCK_HEAD_SIZE, &size) !=
        SNAPPY_OK) {
        return STATUS_TOO_LARGE;
    }
    bytes_put_u32be(room, (uint32_t)size);
    sink_take(sink, BLOCK_HEAD_SIZE + size);
    return STATUS_OK;
}

enum status pack_snappy(struct slice plain, struct sink *sink) {
    enum status status = put_head(sink);
    while (status == STATUS_OK && plain.size > 0) {
        size_t size = plain.size < BLOCK_PLAIN_SIZE ? plain.size : BLOCK_PLAIN_SIZE;
        status = put_block(slice_make(plain.data, size), sink);
        plain = slice_after(plain, size);
    }
    return status;
}
