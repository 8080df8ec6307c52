/*
 * A blob: immutable bytes shared by reference count, allocated with their header in one piece.
 *
 * Threads: retain and release may be called from any thread. The bytes may be written only by the thread that
 * made the blob, before it is shared.
 */
#ifndef AVIARY_BASE_BLOB_H
#define AVIARY_BASE_BLOB_H

#include "aviary/base/slice.h"

#include <stdatomic.h>

struct blob {
    atomic_uint references;
    size_t size; /* bytes in data */
    uint8_t data[];
};

/* `size` uninitialised bytes with one reference, the caller's; NULL where memory is short. */
struct blob *blob_create(size_t size);
/* The same with a copy of `slice`. */
struct blob *blob_copy(struct slice slice);
/* One more reference; returns `blob`. */
struct blob *blob_retain(struct blob *blob);
/* One reference less; frees at the last. Takes NULL. */
void blob_release(struct blob *blob);

static inline struct slice blob_slice(const struct blob *blob) {
    return blob ? slice_make(blob->data, blob->size) : (struct slice){0};
}

#endif
