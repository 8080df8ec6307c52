#include "frame.h"

#include "aviary/transport.h"

enum { READ_SPACE_MIN = 64 * 1024 };

void frame_writer_init(struct frame_writer *writer, size_t frame_bytes_max, size_t bytes_max) {
    *writer = (struct frame_writer){.frame_bytes_max = frame_bytes_max};
    buffer_init(&writer->bytes, bytes_max);
}

void frame_writer_finish(struct frame_writer *writer) {
    buffer_finish(&writer->bytes);
}

void frame_writer_clear(struct frame_writer *writer, size_t kept_bytes_max) {
    if (writer->bytes.capacity > kept_bytes_max) {
        size_t size_max = writer->bytes.size_max;
        buffer_finish(&writer->bytes);
        buffer_init(&writer->bytes, size_max);
    }
    buffer_clear(&writer->bytes);
    writer->open_at = 0;
}

void frame_writer_close(struct frame_writer *writer) {
    if (writer->open_at == writer->bytes.size) {
        return;
    }
    uint8_t *header = writer->bytes.data + writer->open_at;
    struct slice payload =
        slice_make(header + FRAME_HEADER_SIZE, writer->bytes.size - writer->open_at - FRAME_HEADER_SIZE);
    bytes_put_u32le(header, (uint32_t)payload.size);
    bytes_put_u32le(header + 4, crc32c(payload));
    writer->open_at = writer->bytes.size;
}

/* Back to `size` bytes, as if nothing had been appended since. */
static void frame_writer_rewind(struct frame_writer *writer, size_t size) {
    writer->bytes.size = size;
    writer->bytes.status = STATUS_OK;
}

bool frame_writer_add(struct frame_writer *writer, const struct raft_message *message) {
    size_t before = writer->bytes.size;
    size_t open_before = writer->open_at;
    if (writer->open_at == before && buffer_extend(&writer->bytes, FRAME_HEADER_SIZE) == NULL) {
        frame_writer_rewind(writer, before);
        return false;
    }
    size_t message_at = writer->bytes.size;
    transport_encode_message(message, &writer->bytes);
    size_t payload = writer->bytes.size - writer->open_at - FRAME_HEADER_SIZE;
    bool first = message_at == writer->open_at + FRAME_HEADER_SIZE;
    if (buffer_status(&writer->bytes) != STATUS_OK || (first && payload > writer->frame_bytes_max)) {
        frame_writer_rewind(writer, before);
        writer->open_at = open_before;
        return false;
    }
    if (payload > writer->frame_bytes_max) {
        /* Does not fit into the open frame: close that and begin the next with this message. */
        frame_writer_rewind(writer, message_at);
        frame_writer_close(writer);
        return frame_writer_add(writer, message);
    }
    return true;
}

void frame_reader_init(struct frame_reader *reader, size_t frame_bytes_max) {
    *reader = (struct frame_reader){.frame_bytes_max = frame_bytes_max};
    buffer_init(&reader->bytes, frame_bytes_max + FRAME_HEADER_SIZE + READ_SPACE_MIN);
}

void frame_reader_finish(struct frame_reader *reader) {
    buffer_finish(&reader->bytes);
}

/* Bytes that the frame at hand still lacks, as far as its header is here. */
static size_t frame_reader_missing(const struct frame_reader *reader) {
    size_t have = reader->bytes.size;
    if (have < FRAME_HEADER_SIZE) {
        return 0;
    }
    size_t whole = FRAME_HEADER_SIZE + (size_t)bytes_get_u32le(reader->bytes.data);
    return whole > have ? whole - have : 0;
}

uint8_t *frame_reader_space(struct frame_reader *reader, size_t *ret_size) {
    if (reader->used > 0) {
        size_t rest = reader->bytes.size - reader->used;
        memmove(reader->bytes.data, reader->bytes.data + reader->used, rest);
        reader->bytes.size = rest;
        reader->used = 0;
    }
    size_t space = frame_reader_missing(reader);
    if (space < READ_SPACE_MIN) {
        space = READ_SPACE_MIN;
    }
    if (space > reader->bytes.size_max - reader->bytes.size) {
        space = reader->bytes.size_max - reader->bytes.size;
    }
    if (space == 0 || buffer_reserve(&reader->bytes, space) != STATUS_OK) {
        return NULL;
    }
    *ret_size = space;
    return reader->bytes.data + reader->bytes.size;
}

void frame_reader_add(struct frame_reader *reader, size_t size) {
    ASSERT(size <= reader->bytes.capacity - reader->bytes.size);
    reader->bytes.size += size;
}

enum status frame_reader_next(struct frame_reader *reader, struct slice *ret_payload) {
    struct slice rest = slice_after(buffer_slice(&reader->bytes), reader->used);
    if (rest.size < FRAME_HEADER_SIZE) {
        return STATUS_NOT_FOUND;
    }
    size_t size = bytes_get_u32le(rest.data);
    if (size == 0 || size > reader->frame_bytes_max) {
        return STATUS_CORRUPT;
    }
    if (rest.size < FRAME_HEADER_SIZE + size) {
        return STATUS_NOT_FOUND;
    }
    struct slice payload = slice_make(rest.data + FRAME_HEADER_SIZE, size);
    if (crc32c(payload) != bytes_get_u32le(rest.data + 4)) {
        return STATUS_CORRUPT;
    }
    reader->used += FRAME_HEADER_SIZE + size;
    *ret_payload = payload;
    return STATUS_OK;
}
