#include "aviary/base/buffer.h"

#include "aviary/base/assert.h"
#include "aviary/base/bytes.h"

#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 64, DECIMAL_SIZE_MAX = 20 };

void buffer_init(struct buffer *buffer, size_t size_max) {
    ASSERT(size_max > 0);
    *buffer = (struct buffer){.size_max = size_max};
}

void buffer_finish(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){.size_max = buffer->size_max};
}

void buffer_clear(struct buffer *buffer) {
    buffer->size = 0;
    buffer->status = STATUS_OK;
}

enum status buffer_status(const struct buffer *buffer) {
    return buffer->status;
}

/* Doubles, so that n appends copy O(n) bytes in all; never beyond the maximum. */
static size_t capacity_for(const struct buffer *buffer, size_t needed) {
    size_t doubled = buffer->capacity > SIZE_MAX / 2 ? SIZE_MAX : buffer->capacity * 2;
    size_t capacity = doubled < CAPACITY_FIRST ? CAPACITY_FIRST : doubled;
    if (capacity < needed) {
        capacity = needed;
    }
    return capacity > buffer->size_max ? buffer->size_max : capacity;
}

enum status buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->status != STATUS_OK) {
        return buffer->status;
    }
    if (more > buffer->size_max - buffer->size) {
        buffer->status = STATUS_TOO_LARGE;
        return buffer->status;
    }
    if (more <= buffer->capacity - buffer->size) {
        return STATUS_OK;
    }
    size_t capacity = capacity_for(buffer, buffer->size + more);
    uint8_t *data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->status = STATUS_NO_MEMORY;
        return buffer->status;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return STATUS_OK;
}

void buffer_remove_front(struct buffer *buffer, size_t size) {
    ASSERT(size <= buffer->size);
    buffer->size -= size;
    if (size > 0 && buffer->size > 0) {
        memmove(buffer->data, buffer->data + size, buffer->size);
    }
}

uint8_t *buffer_extend(struct buffer *buffer, size_t size) {
    /* One byte even for none: the caller gets a pointer, not the NULL of an empty buffer, which means
     * failure. */
    if (buffer_reserve(buffer, size) != STATUS_OK ||
        (!buffer->data && buffer_reserve(buffer, 1) != STATUS_OK)) {
        return NULL;
    }
    uint8_t *start = buffer->data + buffer->size;
    buffer->size += size;
    return start;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size) {
    if (size == 0) {
        return;
    }
    uint8_t *start = buffer_extend(buffer, size);
    if (start) {
        memcpy(start, data, size);
    }
}

void buffer_append_slice(struct buffer *buffer, struct slice slice) {
    buffer_append(buffer, slice.data, slice.size);
}

void buffer_append_string(struct buffer *buffer, const char *string) {
    buffer_append(buffer, string, strlen(string));
}

void buffer_append_format(struct buffer *buffer, const char *format, ...) {
    if (buffer->status != STATUS_OK) {
        return;
    }
    /* Not in place: vsnprintf's NUL would need a byte beyond the text, which a full buffer may not have. */
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        buffer->status = STATUS_NO_MEMORY;
        return;
    }
    buffer_append(buffer, text, (size_t)size);
    free(text);
}

void buffer_append_u8(struct buffer *buffer, uint8_t value) {
    buffer_append(buffer, &value, sizeof value);
}

void buffer_append_u16(struct buffer *buffer, uint16_t value) {
    uint8_t raw[sizeof value];
    bytes_put_u16le(raw, value);
    buffer_append(buffer, raw, sizeof raw);
}

void buffer_append_u32(struct buffer *buffer, uint32_t value) {
    uint8_t raw[sizeof value];
    bytes_put_u32le(raw, value);
    buffer_append(buffer, raw, sizeof raw);
}

void buffer_append_u64(struct buffer *buffer, uint64_t value) {
    uint8_t raw[sizeof value];
    bytes_put_u64le(raw, value);
    buffer_append(buffer, raw, sizeof raw);
}

void buffer_append_decimal(struct buffer *buffer, int64_t value) {
    char text[DECIMAL_SIZE_MAX];
    size_t at = sizeof text;
    /* The magnitude is taken in unsigned arithmetic: -INT64_MIN does not fit a signed one. */
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        text[--at] = '-';
    }
    buffer_append(buffer, text + at, sizeof text - at);
}

void buffer_append_varint(struct buffer *buffer, int64_t value) {
    uint8_t raw[VARINT_SIZE_MAX];
    buffer_append(buffer, raw, bytes_put_varint(raw, value));
}
