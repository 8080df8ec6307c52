/*
 * A slice: bytes that somebody else owns. Plain value; valid as long as its owner keeps the bytes.
 */
#ifndef AVIARY_BASE_SLICE_H
#define AVIARY_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data; /* may be NULL only where size is 0 */
    size_t size;         /* bytes */
};

static inline struct slice slice_make(const void *data, size_t size) {
    return (struct slice){.data = data, .size = size};
}

static inline struct slice slice_of_string(const char *string) {
    return (struct slice){.data = (const uint8_t *)string, .size = strlen(string)};
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The part that starts `skip` bytes in; empty where there is no such part. */
static inline struct slice slice_after(struct slice slice, size_t skip) {
    if (skip >= slice.size) {
        return (struct slice){0};
    }
    return (struct slice){.data = slice.data + skip, .size = slice.size - skip};
}

#endif
