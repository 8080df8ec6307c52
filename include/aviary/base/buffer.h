/*
 * A growing byte buffer with a maximum.
 *
 * Threads: a buffer belongs to one thread at a time. Appending after a failure is allowed and does nothing,
 * so a writer may check `buffer_status` once at its end.
 */
#ifndef AVIARY_BASE_BUFFER_H
#define AVIARY_BASE_BUFFER_H

#include "aviary/base/slice.h"
#include "aviary/base/status.h"

struct buffer {
    uint8_t *data;
    size_t size;        /* bytes in use */
    size_t capacity;    /* bytes allocated */
    size_t size_max;    /* never grows beyond */
    enum status status; /* the first failure: TOO_LARGE or NO_MEMORY; OK until then */
};

/* An empty buffer that allocates nothing yet. `size_max` in bytes, above 0. */
void buffer_init(struct buffer *buffer, size_t size_max);
/* Frees the bytes. Takes a buffer that was init-ed or zeroed; may be called twice. */
void buffer_finish(struct buffer *buffer);
/* Empties, keeps the memory, forgets a failure. */
void buffer_clear(struct buffer *buffer);

/* Moves what follows the first `size` bytes (at most buffer->size) to the front. */
void buffer_remove_front(struct buffer *buffer, size_t size);

enum status buffer_status(const struct buffer *buffer);
/* Makes room for `more` bytes beyond size. TOO_LARGE, NO_MEMORY. */
enum status buffer_reserve(struct buffer *buffer, size_t more);
/* Grows by `size` bytes and returns where they start, uninitialised; NULL on failure (see status). */
uint8_t *buffer_extend(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_slice(struct buffer *buffer, struct slice slice);
void buffer_append_string(struct buffer *buffer, const char *string);
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Little-endian integers, as in bytes.h. */
void buffer_append_u8(struct buffer *buffer, uint8_t value);
void buffer_append_u16(struct buffer *buffer, uint16_t value);
void buffer_append_u32(struct buffer *buffer, uint32_t value);
void buffer_append_u64(struct buffer *buffer, uint64_t value);
/* Decimal text. */
void buffer_append_decimal(struct buffer *buffer, int64_t value);
/* Zig-zag base-128 varint (Protocol Buffers' sint64, as Kafka's records use it). */
void buffer_append_varint(struct buffer *buffer, int64_t value);

static inline struct slice buffer_slice(const struct buffer *buffer) {
    return (struct slice){.data = buffer->data, .size = buffer->size};
}

#endif
