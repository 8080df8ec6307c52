#include "aviary/base/bytes.h"

struct reader reader_make(struct slice slice) {
    return (struct reader){.rest = slice};
}

struct slice reader_bytes(struct reader *reader, size_t size) {
    if (reader->failed || size > reader->rest.size) {
        reader->failed = true;
        return (struct slice){0};
    }
    struct slice bytes = {.data = reader->rest.data, .size = size};
    reader->rest = slice_after(reader->rest, size);
    return bytes;
}

void reader_copy(struct reader *reader, void *out, size_t size) {
    struct slice bytes = reader_bytes(reader, size);
    if (reader->failed) {
        memset(out, 0, size);
    } else if (size > 0) {
        memcpy(out, bytes.data, size);
    }
}

uint8_t reader_u8(struct reader *reader) {
    uint8_t value;
    reader_copy(reader, &value, sizeof value);
    return value;
}

uint16_t reader_u16(struct reader *reader) {
    uint8_t raw[sizeof(uint16_t)];
    reader_copy(reader, raw, sizeof raw);
    return bytes_get_u16le(raw);
}

uint32_t reader_u32(struct reader *reader) {
    uint8_t raw[sizeof(uint32_t)];
    reader_copy(reader, raw, sizeof raw);
    return bytes_get_u32le(raw);
}

uint64_t reader_u64(struct reader *reader) {
    uint8_t raw[sizeof(uint64_t)];
    reader_copy(reader, raw, sizeof raw);
    return bytes_get_u64le(raw);
}

/* The varint's bits, still zig-zagged; `*ret_size` 0 where it is cut off or wider than 64 bits. */
static uint64_t varint_bits(struct slice slice, size_t *ret_size) {
    uint64_t bits = 0;
    for (size_t i = 0; i < slice.size && i < VARINT_SIZE_MAX; i++) {
        uint8_t byte = slice.data[i];
        /* The tenth byte holds the 64th bit and nothing else. */
        if (i == VARINT_SIZE_MAX - 1 && byte > 1) {
            break;
        }
        bits |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *ret_size = i + 1;
            return bits;
        }
    }
    *ret_size = 0;
    return 0;
}

int64_t reader_varint(struct reader *reader) {
    if (reader->failed) {
        return 0;
    }
    size_t size;
    uint64_t bits = varint_bits(reader->rest, &size);
    if (size == 0) {
        reader->failed = true;
        return 0;
    }
    reader->rest = slice_after(reader->rest, size);
    return (int64_t)((bits >> 1) ^ (0 - (bits & 1)));
}

bool reader_ok(const struct reader *reader) {
    return !reader->failed;
}

bool reader_done(const struct reader *reader) {
    return !reader->failed && reader->rest.size == 0;
}
