/*
 * Explicit encoding of integers, and a reader that cannot run past its end.
 * Everything Aviary stores or sends is little-endian, but for Kafka's record batch and keys of RocksDB
 * (big-endian).
 */
#ifndef AVIARY_BASE_BYTES_H
#define AVIARY_BASE_BYTES_H

#include "aviary/base/slice.h"
#include "aviary/base/status.h"

#include <endian.h>

#define BYTES_DEFINE(bits, suffix, to, from)                                                                 \
    static inline void bytes_put_u##bits##suffix(uint8_t *at, uint##bits##_t value) {                        \
        uint##bits##_t raw = to(value);                                                                      \
        memcpy(at, &raw, sizeof raw);                                                                        \
    }                                                                                                        \
    static inline uint##bits##_t bytes_get_u##bits##suffix(const uint8_t *at) {                              \
        uint##bits##_t raw;                                                                                  \
        memcpy(&raw, at, sizeof raw);                                                                        \
        return from(raw);                                                                                    \
    }

BYTES_DEFINE(16, le, htole16, le16toh)
BYTES_DEFINE(32, le, htole32, le32toh)
BYTES_DEFINE(64, le, htole64, le64toh)
BYTES_DEFINE(16, be, htobe16, be16toh)
BYTES_DEFINE(32, be, htobe32, be32toh)
BYTES_DEFINE(64, be, htobe64, be64toh)

#undef BYTES_DEFINE

enum { VARINT_SIZE_MAX = 10 };

/* Zig-zag varint (Protocol Buffers' sint64) at `at`, which has VARINT_SIZE_MAX bytes; returns the bytes used.
 */
static inline size_t bytes_put_varint(uint8_t *at, int64_t value) {
    uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    size_t size = 0;
    while (rest >= 0x80) {
        at[size++] = (uint8_t)(rest | 0x80);
        rest >>= 7;
    }
    at[size++] = (uint8_t)rest;
    return size;
}

/* Bytes that bytes_put_varint takes for `value`, 1 to VARINT_SIZE_MAX. */
static inline size_t bytes_varint_size(int64_t value) {
    uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    size_t size = 1;
    while (rest >= 0x80) {
        rest >>= 7;
        size++;
    }
    return size;
}

/*
 * Reads fields one after the other. After the first read beyond the end `failed` stays true and every read
 * gives zeroes, so a decoder checks `reader_ok` once at its end.
 */
struct reader {
    struct slice rest;
    bool failed;
};

struct reader reader_make(struct slice slice);
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader); /* little-endian, like the two below */
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/* Zig-zag varint; fails on more than 64 bits or 10 bytes. */
int64_t reader_varint(struct reader *reader);
/* The next `size` bytes, not copied. */
struct slice reader_bytes(struct reader *reader, size_t size);
/* Copies the next `size` bytes to `out`; zeroes `out` on failure. */
void reader_copy(struct reader *reader, void *out, size_t size);
/* True where nothing failed so far. */
bool reader_ok(const struct reader *reader);
/* True where nothing failed and nothing is left. */
bool reader_done(const struct reader *reader);

#endif
